// The edits that the P-CSCF double makes to more than one kind of message.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "reactor/endpoint.h"
#include "sip/edit.h"
#include "sip/list.h"
#include "tools/core_registrar.h"
#include "tools/outbox.h"

namespace tools {

inline bool IsSecAgree(std::string_view member, const void*) {
  return sip::EqualsIgnoreCase(member, "sec-agree");
}
inline bool IsOurs(std::string_view member, const void*) {
  return member.find("192.0.2.10") != std::string_view::npos ||
         member.find("10.0.0.10") != std::string_view::npos;
}
inline void SendEdited(sip::Editor* editor, const reactor::Endpoint& local,
                       const reactor::Endpoint& peer, Outbox* out) {
  sip::Slices slices;
  ASSERT_EQ(editor->Finish(&slices), sip::EditError::kOk);
  std::string text;
  for (const std::string_view piece : slices.view()) text += piece;
  out->Send(local, peer, text);
}
inline void RemoveAgreement(sip::Editor* editor) {
  editor->RemoveHeaders(sip::HeaderId::kSecurityClient);
  editor->RemoveHeaders(sip::HeaderId::kSecurityVerify);
  editor->RemoveListMembers(sip::HeaderId::kRequire, IsSecAgree, nullptr);
  editor->RemoveListMembers(sip::HeaderId::kProxyRequire, IsSecAgree, nullptr);
}
// A phone's word to the core that it wants to be challenged.
inline void RemoveWish(const sip::Message& message, sip::Editor* editor) {
  for (const sip::Header& header : message.headers()) {
    if (message.Text(header.name) == kChallengeHeader) editor->RemoveHeader(header);
  }
}
inline void RemoveCharging(sip::Editor* editor) {
  editor->RemoveHeaders(sip::HeaderId::kPChargingVector);
  editor->RemoveHeaders(sip::HeaderId::kPChargingFunctionAddresses);
}

}  // namespace tools
