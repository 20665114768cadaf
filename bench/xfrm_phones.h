// Phones for the benches of the real kernel: their SAs and policies, and an empty kernel for each
// measurement.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "xfrm/batch.h"

namespace bench {

constexpr uint32_t kSasPerPhone = 4;
constexpr uint32_t kPoliciesPerPhone = 4;
constexpr uint32_t kPhonesPerBatch = xfrm::Batch::kRequestsMax / kSasPerPhone;
constexpr uint32_t kPhonesMax = 1 << 22;  // Below it every phone has an address of its own.

// "hmac-sha-1-96=null", with keys.
struct Suite {
  std::string name;
  xfrm::EspKeys keys;
};
const std::array<Suite, 2>& Suites();

// One of the four SAs of a phone: both directions of both port pairs (TS 33.203 7.1).
xfrm::Sa SaOf(uint32_t phone, uint32_t which, const xfrm::EspKeys& keys);
void AddPhone(uint32_t phone, const xfrm::EspKeys& keys, xfrm::Batch* batch);

// A policy for that SA alone, as the peers install them: ours (design D1) know no phone. Adds it to
// `batch` and yields the batch's bytes, with exact addresses and ports, in `*bytes`.
// REQUIRES: batch->empty().
void PolicyOf(uint32_t phone, uint32_t which, xfrm::Batch* batch, std::vector<std::byte>* bytes);

// The bytes of `phones` phones from `first` in one piece, with one acknowledgement at the end: SAs,
// or where `keys` is null their policies, for kernels without ESP.
std::vector<std::byte> BytesOf(uint32_t first, uint32_t phones, const xfrm::EspKeys* keys);
// The same for their deletion.
std::vector<std::byte> DeletionOf(uint32_t first, uint32_t phones, const xfrm::EspKeys* keys);

// What the kernel of a network namespace of our own holds.
class Namespace {
 public:
  Namespace() = default;
  ~Namespace();
  Namespace(const Namespace&) = delete;
  Namespace& operator=(const Namespace&) = delete;

  // False, with the reason on standard error: no right to make one, or no XFRM.
  bool Enter();
  bool CountIs(size_t sas, size_t policies);
  // Empties it and waits until the kernel has freed what it deleted, which it does later, in a
  // thread of its own: the next measurement would pay for it.
  bool Clear();

 private:
  int fd_ = -1;
};

// `share` 0.5: the median, 1: the largest; of none 0.
double Quantile(std::vector<double> values, double share);
inline double Median(const std::vector<double>& values) {
  return Quantile(values, 0.5);
}

}  // namespace bench
