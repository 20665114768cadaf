// The message scenario of the spec sheet (02 to 18): what the core forwards is the expected message
// byte for byte, but for values that must differ from run to run.

#include "tests/edge_vectors.h"

namespace edge {
namespace {

using EdgeScenario = EdgeVectors;

TEST_F(EdgeScenario, RegistersAsMessages02To09Say) {
  Register();
  EXPECT_EQ(world_.kernel().sa_count(), 4u);
  for (const xfrm::SaInfo& sa : world_.kernel().Sas()) {
    EXPECT_EQ(sa.hard_seconds, 3600u + 30 + 30);  // Granted, the set's own slack, the kernel's.
  }
  ASSERT_EQ(world_.attempts().size(), 1u);
  EXPECT_EQ(world_.attempts()[0].result, "registered");
}

TEST_F(EdgeScenario, SendsAnInviteOfThePhoneAs14Says) {
  Register();
  Step("13_invite_mo_from_ue.sip", kUeClient, kServer);
  // The Service-Route is a name, and names are not looked up: the configured next hop takes it.
  Expect("14_invite_mo_to_scscf.sip", kCore, kIcscf, {kBranch, kIcid});
}

TEST_F(EdgeScenario, SendsAnInviteToThePhoneAs16SaysAndItsAnswerAs18Says) {
  Register();
  Step("15_invite_mt_from_scscf.sip", kScscf, kCore);
  Expect("16_invite_mt_to_ue.sip", kClient, kUeServer, {kBranch});
  Step("17_180_mt_from_ue.sip", kUeClient, kServer);
  Expect("18_180_mt_to_scscf.sip", kCore, kScscf, {});
}

}  // namespace
}  // namespace edge
