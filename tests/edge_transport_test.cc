#include <gtest/gtest.h>

#include "edge/transport.h"
#include "tests/edge_edit.h"

namespace edge {
namespace {

std::string Joined(std::span<const std::string_view> pieces) {
  std::string text;
  for (const std::string_view piece : pieces) text += piece;
  return text;
}

TEST(EdgeTransport, TheUriSaysWhich) {
  constexpr Transport kUdp = Transport::kUdp;
  constexpr Transport kTcp = Transport::kTcp;
  for (const Transport otherwise : {kUdp, kTcp}) {
    EXPECT_EQ(TransportOf("sip:10.0.0.1;transport=tcp;lr", otherwise), kTcp);
    EXPECT_EQ(TransportOf("sip:a@10.0.0.1:5060;Transport=TCP", otherwise), kTcp);
    EXPECT_EQ(TransportOf("sip:10.0.0.1;lr;transport=UDP", otherwise), kUdp);
    for (const char* silent : {"sip:10.0.0.1;lr", "sip:10.0.0.1;transport=sctp", "tel:+1", "",
                               "sip:10.0.0.1;transport=tcp;transport=tcp", "sip:"}) {
      EXPECT_EQ(TransportOf(silent, otherwise), otherwise) << silent;
    }
  }
}

TEST(EdgeTransport, OurViaIsToldOverTheOtherTransport) {
  // Theirs looks like ours, and stands behind it.
  const gmedge_test::Parsed parsed(gmedge_test::RequestWith(""));
  ASSERT_EQ(parsed.error, sip::ParseError::kOk);
  for (const Transport from : {Transport::kUdp, Transport::kTcp}) {
    const Transport to = from == Transport::kUdp ? Transport::kTcp : Transport::kUdp;
    sip::Editor editor(parsed.message);
    editor.InsertLineBefore(*parsed.message.Find(sip::HeaderId::kVia),
                            {ViaStart(from), "10.0.0.10:5060", ";branch=z9hG4bKours\r\n"});
    editor.AppendLine({"Subject: via: SIP/2.0/UDP here\r\n"});
    sip::Slices slices;
    ASSERT_EQ(editor.Finish(&slices), sip::EditError::kOk);
    const std::string before = Joined(slices.view());
    std::string wanted = before;
    const std::string ours(ViaStart(from));
    wanted.replace(wanted.find(ours), ours.size(), ViaStart(to));

    Pieces pieces;
    EXPECT_EQ(Joined(WithTransport(slices, to, &pieces)), wanted);
    std::string rewritten = before;
    RewriteTransport(rewritten, to);
    EXPECT_EQ(rewritten, wanted);
    RewriteTransport(rewritten, to);  // Once more: no effect.
    EXPECT_EQ(rewritten, wanted);
  }
}

TEST(EdgeTransport, WithoutAViaOfOursNothingIsRewritten) {
  std::string text = "OPTIONS sip:a SIP/2.0\r\nv: SIP/2.0/UDP x\r\n\r\n";
  const std::string before = text;
  RewriteTransport(text, Transport::kTcp);
  EXPECT_EQ(text, before);
}

}  // namespace
}  // namespace edge
