#include "bench/xfrm_phones.h"

#include <arpa/inet.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <functional>
#include <system_error>
#include <thread>

#include "xfrm/socket.h"
#include "xfrm/wire.h"

namespace bench {
namespace {

constexpr uint32_t kReqid = 4711;
constexpr int kTimeoutMs = 60'000;
constexpr std::chrono::milliseconds kSettle{100};
constexpr xfrm::Address kEdge{{192, 0, 2, 10}, AF_INET};

xfrm::Key SomeKey(uint8_t first) {
  std::array<uint8_t, xfrm::Key::kSize> bytes;
  for (uint8_t& byte : bytes) byte = first++;
  return xfrm::Key(bytes);
}

Suite SuiteOf(xfrm::Algorithms algorithms) {
  return {std::string(xfrm::Name(algorithms.integrity)) + "=" +
              std::string(xfrm::Name(algorithms.encryption)),
          xfrm::EspKeys(algorithms, SomeKey(1), SomeKey(101))};
}

bool IsInbound(uint32_t which) {
  return which % 2 == 0;
}

// Sends one request that asks for its acknowledgement and takes that.
template <typename Body>
bool Ask(int fd, uint16_t type, const Body* body) {
  const size_t body_size = body == nullptr ? 0 : sizeof(Body);
  nlmsghdr header{};
  header.nlmsg_len = static_cast<uint32_t>(NLMSG_LENGTH(body_size));
  header.nlmsg_type = type;
  header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  std::array<std::byte, NLMSG_SPACE(64)> bytes{};
  static_assert(sizeof(Body) <= 64);
  std::memcpy(bytes.data(), &header, sizeof(header));
  if (body != nullptr) std::memcpy(bytes.data() + NLMSG_HDRLEN, body, body_size);
  if (send(fd, bytes.data(), header.nlmsg_len, 0) < 0) return false;
  std::array<std::byte, 4096> answer;
  const ssize_t size = recv(fd, answer.data(), answer.size(), 0);
  if (size < 0) return false;
  xfrm::ReplyReader reader({answer.data(), static_cast<size_t>(size)});
  xfrm::Reply reply;
  // ESRCH: there was nothing to flush.
  return reader.Next(&reply) && reply.kind == xfrm::ReplyKind::kAck &&
         (reply.error == std::errc{} || reply.error == std::errc::no_such_process);
}

size_t CountOf(int fd, xfrm::Batch* dump) {
  size_t count = 0;
  xfrm::BatchVerdict verdict;
  const std::errc error =
      xfrm::Transact(fd, dump, kTimeoutMs, &verdict, [&count](const xfrm::Reply&) { ++count; });
  return error == std::errc{} && verdict.all_ok() ? count : SIZE_MAX;
}

void Take(xfrm::Batch* batch, std::vector<std::byte>* bytes) {
  const std::span<const std::byte> sealed = batch->Seal();
  bytes->assign(sealed.begin(), sealed.end());
}

xfrm::Policy SharedPolicyOf(uint32_t phone, uint32_t which) {
  const xfrm::Selector exact = SaOf(phone, which, Suites()[0].keys).selector;
  xfrm::Policy policy;
  policy.direction = IsInbound(which) ? xfrm::Direction::kIn : xfrm::Direction::kOut;
  policy.local = kEdge;
  policy.local_port = IsInbound(which) ? exact.destination_port : exact.source_port;
  policy.reqid = kReqid;
  return policy;
}

xfrm_userpolicy_info InfoOf(uint32_t phone, uint32_t which) {
  const xfrm::Selector exact = SaOf(phone, which, Suites()[0].keys).selector;
  xfrm_userpolicy_info info = xfrm::ToWire(SharedPolicyOf(phone, which));
  info.sel.saddr = xfrm::ToWire(exact.source);
  info.sel.daddr = xfrm::ToWire(exact.destination);
  info.sel.prefixlen_s = info.sel.prefixlen_d = 32;
  info.sel.sport = htons(exact.source_port);
  info.sel.dport = htons(exact.destination_port);
  info.sel.sport_mask = info.sel.dport_mask = UINT16_MAX;
  return info;
}

void SetAck(std::byte* request, bool is_asked) {
  nlmsghdr header;
  std::memcpy(&header, request, sizeof(header));
  header.nlmsg_flags &= static_cast<uint16_t>(~NLM_F_ACK);
  if (is_asked) header.nlmsg_flags |= NLM_F_ACK;
  std::memcpy(request, &header, sizeof(header));
}

// What `make` makes of each request of `phones` phones, in one piece.
std::vector<std::byte> Join(
    uint32_t phones,
    const std::function<void(uint32_t, xfrm::Batch*, std::vector<std::byte>*)>& make) {
  std::vector<std::byte> all;
  std::vector<std::byte> one;
  xfrm::Batch batch;
  const uint32_t count = phones * kSasPerPhone;
  for (uint32_t i = 0; i < count; ++i) {
    batch.Clear(1 + i);
    make(i, &batch, &one);
    SetAck(one.data(), i + 1 == count);
    all.insert(all.end(), one.begin(), one.end());
  }
  return all;
}

}  // namespace

const std::array<Suite, 2>& Suites() {
  static const std::array<Suite, 2> suites = {
      SuiteOf({xfrm::Integrity::kHmacSha1_96, xfrm::Encryption::kNull}),
      SuiteOf({xfrm::Integrity::kNull, xfrm::Encryption::kAesGcm})};
  return suites;
}

xfrm::Sa SaOf(uint32_t phone, uint32_t which, const xfrm::EspKeys& keys) {
  assert(phone < kPhonesMax && which < kSasPerPhone);
  const xfrm::Address there{{10, static_cast<uint8_t>(phone >> 16),
                             static_cast<uint8_t>(phone >> 8), static_cast<uint8_t>(phone)},
                            AF_INET};
  xfrm::Sa sa;
  sa.selector.source = IsInbound(which) ? there : kEdge;
  sa.selector.destination = IsInbound(which) ? kEdge : there;
  sa.selector.source_port = static_cast<uint16_t>(30000 + which);
  sa.selector.destination_port = static_cast<uint16_t>(6101 + which);
  sa.spi = 65536 + phone * kSasPerPhone + which;
  sa.reqid = kReqid;
  sa.hard_seconds = 36000;
  sa.keys = &keys;
  return sa;
}

void AddPhone(uint32_t phone, const xfrm::EspKeys& keys, xfrm::Batch* batch) {
  for (uint32_t which = 0; which < kSasPerPhone; ++which) batch->AddSa(SaOf(phone, which, keys));
}

void PolicyOf(uint32_t phone, uint32_t which, xfrm::Batch* batch, std::vector<std::byte>* bytes) {
  assert(batch->empty());
  batch->AddPolicy(SharedPolicyOf(phone, which));
  Take(batch, bytes);
  const xfrm_userpolicy_info info = InfoOf(phone, which);
  std::memcpy(bytes->data() + NLMSG_HDRLEN, &info, sizeof(info));
}

std::vector<std::byte> BytesOf(uint32_t first, uint32_t phones, const xfrm::EspKeys* keys) {
  return Join(phones, [first, keys](uint32_t i, xfrm::Batch* batch, std::vector<std::byte>* one) {
    const uint32_t phone = first + i / kSasPerPhone;
    if (keys == nullptr) return PolicyOf(phone, i % kSasPerPhone, batch, one);
    batch->AddSa(SaOf(phone, i % kSasPerPhone, *keys));
    Take(batch, one);
  });
}

std::vector<std::byte> DeletionOf(uint32_t first, uint32_t phones, const xfrm::EspKeys* keys) {
  return Join(phones, [first, keys](uint32_t i, xfrm::Batch* batch, std::vector<std::byte>* one) {
    const uint32_t phone = first + i / kSasPerPhone;
    if (keys != nullptr) {
      batch->DeleteSa(SaOf(phone, i % kSasPerPhone, *keys).id());
      return Take(batch, one);
    }
    const xfrm_userpolicy_info info = InfoOf(phone, i % kSasPerPhone);
    batch->DeletePolicy(SharedPolicyOf(phone, i % kSasPerPhone));
    Take(batch, one);
    std::memcpy(one->data() + NLMSG_HDRLEN, &info.sel, sizeof(info.sel));
  });
}

Namespace::~Namespace() {
  if (fd_ >= 0) close(fd_);
}

bool Namespace::Enter() {
  if (unshare(CLONE_NEWNET) != 0 || xfrm::OpenSocket({}, &fd_) != std::errc{}) {
    std::fprintf(stderr, "no right to make a network namespace, or no XFRM\n");
    return false;
  }
  return true;
}

bool Namespace::CountIs(size_t sas, size_t policies) {
  xfrm::Batch dump;
  dump.DumpSas();
  const size_t sas_found = CountOf(fd_, &dump);
  dump.Clear(1);
  dump.DumpPolicies();
  const size_t policies_found = CountOf(fd_, &dump);
  if (sas_found == sas && policies_found == policies) return true;
  std::printf("WRONG: %zd SAs and %zd policies, not %zu and %zu\n", static_cast<ssize_t>(sas_found),
              static_cast<ssize_t>(policies_found), sas, policies);
  return false;
}

bool Namespace::Clear() {
  const xfrm_usersa_flush all_sas{};  // Protocol 0: any.
  const bool is_clear = Ask(fd_, XFRM_MSG_FLUSHSA, &all_sas) &&
                        Ask<xfrm_usersa_flush>(fd_, XFRM_MSG_FLUSHPOLICY, nullptr);
  std::this_thread::sleep_for(kSettle);
  if (!is_clear) std::printf("WRONG: the kernel was not emptied\n");
  return is_clear;
}

double Quantile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const auto index = static_cast<size_t>(share * static_cast<double>(values.size()));
  return values[std::min(index, values.size() - 1)];
}

}  // namespace bench
