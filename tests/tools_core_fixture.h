// A CoreNode and the messages that a correct edge would send it.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/tools_texts.h"
#include "tools/aka.h"
#include "tools/core_node.h"
#include "tools/outbox.h"

namespace tools {

class CoreFixture : public testing::Test {
 protected:
  const reactor::Endpoint core_ = At("10.0.0.20:5060");
  const reactor::Endpoint edge_ = At("10.0.0.10:5060");
  const reactor::Endpoint control_ = At("127.0.0.1:5081");
  const reactor::Endpoint operator_ = At("127.0.0.1:40000");

  CoreNode& node() {
    if (!node_) {
      options_.registrar.subscribers.count = 10;
      node_ = std::make_unique<CoreNode>(options_, now_ms_);
    }
    return *node_;
  }

  // Hands a datagram over and returns what came back, parsed.
  std::deque<Owned> Give(std::string_view text) {
    const Owned datagram(text);
    outbox_.Clear();
    node().OnDatagram(core_, edge_, datagram.view(), now_ms_, &outbox_);
    return Sent();
  }
  std::deque<Owned> Advance(uint64_t milliseconds) {
    now_ms_ += milliseconds;
    outbox_.Clear();
    node().Advance(now_ms_, &outbox_);
    return Sent();
  }
  std::string Control(std::string_view line) {
    outbox_.Clear();
    node().OnControl(control_, operator_, line, now_ms_, &outbox_);
    return Told();
  }
  // The text sent to the operator in the last call, if any.
  std::string Told() const {
    for (const Outbox::Datagram& datagram : outbox_.datagrams()) {
      if (datagram.peer == operator_) return std::string(outbox_.Text(datagram));
    }
    return "";
  }
  std::deque<Owned> Sent() const {
    std::deque<Owned> messages;
    for (const Outbox::Datagram& datagram : outbox_.datagrams()) {
      if (datagram.peer == operator_) continue;
      EXPECT_EQ(datagram.local, core_);
      EXPECT_EQ(datagram.peer, edge_);
      messages.emplace_back(outbox_.Text(datagram));
      EXPECT_EQ(messages.back().error, sip::ParseError::kOk);
    }
    return messages;
  }

  // What the USIM of a subscriber answers to a nonce.
  UsimAnswer Usim(uint32_t subscriber, const std::string& nonce, uint64_t sqn_ms = 0) {
    Bytes16 rand, autn;
    EXPECT_TRUE(ParseNonce(nonce, &rand, &autn));
    UsimAnswer answer;
    verdict_ =
        CheckAutn(node().registrar().subscribers().Keys(subscriber), rand, autn, sqn_ms, &answer);
    return answer;
  }

  // Registers the subscriber; returns the nonce that was answered.
  std::string Register(uint32_t subscriber = 0) {
    RegisterCase request;
    request.imsi = node().registrar().subscribers().Imsi(subscriber);
    const std::string nonce = NonceOf(Give(RegisterText(request)).at(0).message);
    request.branch = "z9hG4bKb";
    request.integrity = "yes";
    request.credentials = Credentials(request.imsi, nonce, AsText(Usim(subscriber, nonce).res));
    EXPECT_EQ(Give(RegisterText(request)).at(0).message.status(), 200);
    return nonce;
  }

  // A node that has seen nothing yet.
  void Restart() { node_.reset(); }
  std::vector<std::string> Violated() { return node().violations()->TakeNew(); }

  CoreOptions options_;
  uint64_t now_ms_ = 1'000'000;
  Outbox outbox_;
  AutnResult verdict_ = AutnResult::kOk;

 private:
  std::unique_ptr<CoreNode> node_;
};

}  // namespace tools
