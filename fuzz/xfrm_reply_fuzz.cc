// Any bytes as a datagram from the kernel: the walk ends, nothing outside is read, no verdict comes
// out better than what was said, and what is shown can be reconciled with. Mutations keep to the
// structure: messages are added, sized anew and changed within their attributes.
#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <random>
#include <vector>

#include "xfrm/fake_answer.h"
#include "xfrm/reconcile.h"
#include "xfrm/reply.h"
#include "xfrm/wire.h"

// Of libFuzzer; where it is not linked nothing mutates.
extern "C" __attribute__((weak)) size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max);

namespace {

// The seeds answer a batch of this shape.
constexpr uint32_t kFirst = 100;
constexpr int kCount = 8;

// Touches every byte, so that a sanitizer sees a view that reaches outside.
bool LiesIn(std::string_view text, std::string_view whole) {
  for (const char letter : text) {
    if (letter == '\0') return false;
  }
  const std::less_equal<const char*> at_most;
  return text.empty() || (at_most(whole.data(), text.data()) &&
                          at_most(text.data() + text.size(), whole.data() + whole.size()));
}

void Require(bool condition) {
  if (!condition) std::abort();
}

// What a kernel says of an SA is reconciled with an SA of ours that may have its id.
void CheckReconciles(const xfrm::SaInfo& shown) {
  static const xfrm::EspKeys keys({}, {}, {});
  xfrm::Sa known;
  known.selector = shown.selector;
  known.selector.destination = shown.id.destination;
  known.spi = shown.id.spi;
  known.reqid = 4711;
  known.keys = &keys;
  const xfrm::ReconcilePlan plan = xfrm::Reconcile({&shown, 1}, {&known, 1}, {}, 4711, 1);
  Require(plan.install.empty() && plan.remove.empty());
  Require(plan.kept + plan.replace.size() + plan.blocked.size() == 1);
  Require(plan.foreign == (shown.reqid == 4711 ? 0u : 1u));
  Require(plan.kept == 0 || (shown.is_exact && shown.algorithms == keys.algorithms()));
}

// A well-formed message of some kind, answering a request of the batch.
std::vector<std::byte> SomeMessage(std::minstd_rand* random) {
  const uint32_t sequence = kFirst + static_cast<uint32_t>((*random)() % kCount);
  const uint16_t flags = (*random)() % 2 == 0 ? NLM_F_MULTI : NLM_F_MULTI | NLM_F_DUMP_INTR;
  const nlmsghdr request = {sizeof(nlmsghdr), XFRM_MSG_NEWSA, NLM_F_REQUEST, sequence, 0};
  xfrm_usersa_info info = xfrm::Zeroed<xfrm_usersa_info>();
  info.family = info.sel.family = (*random)() % 2 == 0 ? AF_INET : AF_INET6;
  info.id.proto = IPPROTO_ESP;
  info.reqid = 4711;
  std::vector<std::byte> attribute;
  std::vector<std::byte> message;
  switch ((*random)() % 8) {
    case 0:
      xfrm::AppendAck(request, {std::errc::file_exists, "words"}, &message);
      break;
    case 1:
      xfrm::AppendAck(request, {}, &message);
      break;
    case 2:
      xfrm::AppendDone(sequence, &message);
      break;
    case 3: {
      xfrm::WideWindow window = xfrm::ToWideWire({1, 2, 64, {3, 4}});
      xfrm::AppendAttribute(XFRMA_REPLAY_ESN_VAL, {window.bytes.data(), window.size}, &attribute);
      xfrm::AppendReplayEvent(info, 0, attribute, sequence, &message);
      break;
    }
    case 4:
      xfrm::AppendExpire(info, (*random)() % 2 == 0, &message);
      break;
    case 5:
      xfrm::AppendPolicy(xfrm::Zeroed<xfrm_userpolicy_info>(), {}, sequence, flags, &message);
      break;
    default: {
      std::vector<std::byte> algorithm(sizeof(xfrm_algo_auth) + 20);
      std::memcpy(algorithm.data(), "hmac(sha1)", 10);
      const uint32_t bits[] = {160, 96};
      std::memcpy(algorithm.data() + offsetof(xfrm_algo, alg_key_len), bits, sizeof(bits));
      xfrm::AppendAttribute(XFRMA_ALG_AUTH_TRUNC, algorithm, &attribute);
      std::vector<std::byte> cipher(sizeof(xfrm_algo));
      std::memcpy(cipher.data(), "ecb(cipher_null)", 16);
      xfrm::AppendAttribute(XFRMA_ALG_CRYPT, cipher, &attribute);
      xfrm::AppendSa(info, attribute, sequence, flags, &message);
    }
  }
  return message;
}

// Where messages begin, up to the first malformed one.
std::vector<size_t> BeginsOf(std::span<const std::byte> datagram) {
  std::vector<size_t> begins;
  nlmsghdr header;
  for (size_t at = 0; xfrm::ReadAt(datagram, at, &header); at += MNL_ALIGN(header.nlmsg_len)) {
    if (header.nlmsg_len < sizeof(header) || header.nlmsg_len > datagram.size() - at) break;
    begins.push_back(at);
  }
  return begins;
}

}  // namespace

// One change a time: a message more, the bytes of one message (its length is written anew), or
// anything.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max, unsigned seed) {
  std::minstd_rand random(seed);
  const std::span<const std::byte> whole = std::as_bytes(std::span(data, size));
  const std::vector<size_t> begins = BeginsOf(whole);
  const unsigned choice = static_cast<unsigned>(random() % 4);
  if (choice == 0 || begins.empty()) {
    const std::vector<std::byte> message = SomeMessage(&random);
    const size_t at = begins.empty() ? 0 : begins[random() % begins.size()];
    if (size + message.size() <= max) {
      std::memmove(data + at + message.size(), data + at, size - at);
      std::memcpy(data + at, message.data(), message.size());
      return size + message.size();
    }
  }
  if (choice == 1 || begins.empty()) return LLVMFuzzerMutate(data, size, max);

  const size_t at = begins[random() % begins.size()];
  nlmsghdr header;
  std::memcpy(&header, data + at, sizeof(header));
  std::vector<uint8_t> body(data + at + sizeof(header), data + at + header.nlmsg_len);
  const size_t body_size = body.size();
  body.resize(body_size + 64);
  body.resize(LLVMFuzzerMutate(body.data(), body_size, body.size()));
  const size_t rest_at = std::min<size_t>(size, at + MNL_ALIGN(header.nlmsg_len));
  std::vector<uint8_t> rest(data + rest_at, data + size);
  header.nlmsg_len = static_cast<uint32_t>(sizeof(header) + body.size());
  body.resize(MNL_ALIGN(body.size()));
  const size_t changed = at + sizeof(header) + body.size() + rest.size();
  if (changed > max) return LLVMFuzzerMutate(data, size, max);
  std::memcpy(data + at, &header, sizeof(header));
  if (!body.empty()) std::memcpy(data + at + sizeof(header), body.data(), body.size());
  if (!rest.empty()) std::memcpy(data + changed - rest.size(), rest.data(), rest.size());
  return changed;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view whole(reinterpret_cast<const char*>(data), size);
  xfrm::ReplyReader reader(std::as_bytes(std::span(data, size)));
  xfrm::BatchVerdict verdict;
  verdict.Start(kFirst, kCount);

  std::map<uint32_t, std::errc> first_words;  // By request, until the fence has spoken.
  bool interrupted = false;
  size_t walked = 0;
  xfrm::Reply reply;
  while (reader.Next(&reply)) {
    Require(++walked <= size / 16);  // No message is shorter than its header.
    Require(LiesIn(reply.explanation, whole));
    Require(!xfrm::Explain(reply.error).empty() && !xfrm::Name(reply.error).empty());
    if (reply.kind == xfrm::ReplyKind::kSa) CheckReconciles(reply.sa);
    const uint32_t index = reply.sequence - kFirst;
    if (index < kCount && !verdict.complete()) {
      interrupted = interrupted || reply.interrupted;
      const bool is_torn = reply.kind == xfrm::ReplyKind::kDone && interrupted;
      std::errc said = std::errc{};
      if (reply.kind == xfrm::ReplyKind::kAck || reply.kind == xfrm::ReplyKind::kDone) {
        said = reply.error == std::errc{} && is_torn ? std::errc::interrupted : reply.error;
      }
      if (said != std::errc{}) first_words.emplace(index, said);
    }
    Require(verdict.Apply(reply) == (index < kCount));
  }
  Require(!reader.Next(&reply));
  Require(!verdict.all_ok() || verdict.complete());
  if (!verdict.complete()) return 0;

  // None is invented, none is forgotten.
  for (int i = 0; i < kCount; ++i) {
    const auto said = first_words.find(static_cast<uint32_t>(i));
    Require(verdict.error(i) == (said == first_words.end() ? std::errc{} : said->second));
  }
  Require(!verdict.all_ok() || first_words.empty());
  return 0;
}
