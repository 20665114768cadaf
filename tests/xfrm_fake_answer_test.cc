// The fake kernel's datagrams, read with libmnl, which knows nothing of ours.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <libmnl/libmnl.h>

#include <cstring>
#include <map>
#include <string>

#include "tests/xfrm_samples.h"
#include "xfrm/fake_answer.h"
#include "xfrm/wire.h"

namespace xfrm {
namespace {

using ::testing::ElementsAre;
using ::testing::Key;

using Datagram = std::vector<std::byte>;

// One message per datagram, aligned as the kernel's are.
const nlmsghdr* Header(const Datagram& datagram) {
  const nlmsghdr* header = reinterpret_cast<const nlmsghdr*>(datagram.data());
  EXPECT_TRUE(mnl_nlmsg_ok(header, static_cast<int>(datagram.size())));
  EXPECT_EQ(MNL_ALIGN(header->nlmsg_len), datagram.size());
  return header;
}

std::map<int, std::string> Attributes(const nlmsghdr* header, size_t offset) {
  std::map<int, std::string> attributes;
  const auto add = [](const nlattr* attribute, void* data) {
    const char* payload = static_cast<const char*>(mnl_attr_get_payload(attribute));
    (*static_cast<std::map<int, std::string>*>(data))[mnl_attr_get_type(attribute)] = {
        payload, mnl_attr_get_payload_len(attribute)};
    return MNL_CB_OK;
  };
  mnl_attr_parse(header, static_cast<unsigned>(offset), add, &attributes);
  return attributes;
}

const nlmsghdr kRequest = {1000, XFRM_MSG_NEWSA, NLM_F_REQUEST, 77, 0};

TEST(XfrmFakeAnswer, AckReturnsTheRequestsHeaderWithoutItsBody) {
  Datagram datagram;
  AppendAck(kRequest, {}, &datagram);
  const nlmsghdr* header = Header(datagram);
  EXPECT_EQ(header->nlmsg_type, NLMSG_ERROR);
  EXPECT_EQ(header->nlmsg_flags, NLM_F_CAPPED);
  EXPECT_EQ(header->nlmsg_seq, 77u);
  EXPECT_EQ(header->nlmsg_len, sizeof(nlmsghdr) + sizeof(nlmsgerr));
  const nlmsgerr* ack = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(header));
  EXPECT_EQ(ack->error, 0);
  EXPECT_EQ(ack->msg.nlmsg_len, 1000u);
  EXPECT_EQ(ack->msg.nlmsg_seq, 77u);
}

TEST(XfrmFakeAnswer, RefusalCarriesItsTextWithNul) {
  Datagram datagram;
  AppendAck(kRequest, {std::errc::file_exists, "taken"}, &datagram);
  const nlmsghdr* header = Header(datagram);
  EXPECT_EQ(header->nlmsg_flags, NLM_F_CAPPED | NLM_F_ACK_TLVS);
  EXPECT_EQ(static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(header))->error, -EEXIST);
  EXPECT_EQ(Attributes(header, sizeof(nlmsgerr)).at(NLMSGERR_ATTR_MSG), std::string("taken\0", 6));
}

TEST(XfrmFakeAnswer, SaTellsItsLastUseOnceItHasBeenUsed) {
  const EspKeys keys({}, SampleIk(), SampleCk());
  xfrm_usersa_info info = ToWire(SampleSa(&keys));
  Datagram unused;
  AppendSa(info, {}, 5, NLM_F_MULTI, &unused);
  EXPECT_EQ(Header(unused)->nlmsg_flags, NLM_F_MULTI);
  EXPECT_TRUE(Attributes(Header(unused), sizeof(info)).empty());

  info.curlft.use_time = 1'700'000'000;
  Datagram stored;
  AppendAttribute(XFRMA_ALG_CRYPT, std::as_bytes(std::span("odd")), &stored);
  Datagram used;
  AppendSa(info, stored, 5, 0, &used);
  EXPECT_THAT(Attributes(Header(used), sizeof(info)),
              ElementsAre(Key(XFRMA_ALG_CRYPT), Key(XFRMA_LASTUSED)));
}

TEST(XfrmFakeAnswer, PolicyCarriesTemplatesAndType) {
  const xfrm_user_tmpl entry = TemplateOf(SamplePolicy());
  Datagram datagram;
  AppendPolicy(ToWire(SamplePolicy()), std::as_bytes(std::span(&entry, 1)), 5, 0, &datagram);
  const nlmsghdr* header = Header(datagram);
  EXPECT_EQ(header->nlmsg_type, XFRM_MSG_NEWPOLICY);
  EXPECT_THAT(Attributes(header, sizeof(xfrm_userpolicy_info)),
              ElementsAre(Key(XFRMA_TMPL), Key(XFRMA_POLICY_TYPE)));
}

TEST(XfrmFakeAnswer, ExpiryAnswersNobody) {
  const EspKeys keys({}, SampleIk(), SampleCk());
  Datagram datagram;
  AppendExpire(ToWire(SampleSa(&keys)), true, &datagram);
  const nlmsghdr* header = Header(datagram);
  EXPECT_EQ(header->nlmsg_type, XFRM_MSG_EXPIRE);
  EXPECT_EQ(header->nlmsg_seq, 0u);
  const xfrm_user_expire* event =
      static_cast<const xfrm_user_expire*>(mnl_nlmsg_get_payload(header));
  EXPECT_EQ(event->hard, 1);
  EXPECT_EQ(event->state.reqid, 4711u);
}

TEST(XfrmFakeAnswer, DoneIsPartOfADump) {
  Datagram datagram;
  AppendDone(5, &datagram);
  EXPECT_EQ(Header(datagram)->nlmsg_type, NLMSG_DONE);
  EXPECT_EQ(Header(datagram)->nlmsg_flags, NLM_F_MULTI);
  EXPECT_EQ(Header(datagram)->nlmsg_len, sizeof(nlmsghdr) + sizeof(int));
}

}  // namespace
}  // namespace xfrm
