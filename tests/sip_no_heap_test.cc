// The path of a message through sip/ takes no heap memory.
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <new>
#include <string>

#include "sip/address.h"
#include "sip/digest.h"
#include "sip/edit.h"
#include "sip/response.h"
#include "sip/security.h"
#include "sip/via.h"
#include "tests/sip_fixture.h"

namespace {

int allocation_count = 0;

}  // namespace

// Not inlined, or g++ takes malloc and free for a mismatched pair of new and delete.
[[gnu::noinline]] void* operator new(size_t size) {
  ++allocation_count;
  void* const memory = std::malloc(size);
  if (memory == nullptr) std::abort();
  return memory;
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept {
  std::free(memory);
}

namespace sip {
namespace {

bool IsSecAgree(std::string_view member, const void*) {
  return EqualsIgnoreCase(member, "sec-agree");
}

// Decodes, edits and answers a REGISTER as an edge does. True when all went well.
bool Work(PaddedView bytes, Message* message) {
  SecurityList list;
  Digest digest;
  Address address;
  Via via;
  Slices slices;
  std::array<char, 4096> out;
  Writer writer(out);
  if (Parse(bytes, message) != ParseError::kOk || Validate(*message) != ParseError::kOk ||
      DecodeSecurity(*message, HeaderId::kSecurityClient, &list) != ParseError::kOk ||
      DecodeDigest(message->Value(HeaderId::kAuthorization), &digest) != ParseError::kOk ||
      DecodeAddress(message->Value(HeaderId::kContact), &address) != ParseError::kOk ||
      DecodeTopVia(*message, &via) != ParseError::kOk || !SameAgreement(list, list)) {
    return false;
  }
  Editor editor(*message);
  editor.RemoveHeaders(HeaderId::kSecurityClient);
  editor.RemoveListMembers(HeaderId::kRequire, &IsSecAgree, nullptr);
  editor.RemoveParams(digest.params, ',', {"response", "nonce"});
  editor.Replace(via.rport_text, {"rport=5060"});
  editor.AppendLine({"Path: <sip:p>\r\n"});
  return editor.Finish(&slices) == EditError::kOk &&
         WriteResponse(*message, {.status = 494, .to_tag = "x"}, "", &writer);
}

TEST(SipNoHeap, AMessageIsReadEditedAndAnsweredWithoutIt) {
  const std::string text = gmedge_test::ReadData("messages/a-register.sip");
  const gmedge_test::GuardedText guarded(text);
  Message message;
  const int before = allocation_count;
  const bool good = Work(guarded.padded(), &message);
  const int after = allocation_count;
  EXPECT_TRUE(good);
  EXPECT_EQ(after, before);
  EXPECT_GT(after, 0);  // The counter counts: gtest has allocated.
}

}  // namespace
}  // namespace sip
