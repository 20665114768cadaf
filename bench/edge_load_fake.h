// What the model of the kernel costs that `gmedge --xfrm=sim` carries: reported apart, since the
// kernel's own SAs are no cost of gmedge.
#pragma once

#include <cstdint>

namespace bench {

struct FakeCost {
  double bytes = 0;         // Resident, per phone: four SAs.
  double microseconds = 0;  // CPU, per registration: four SAs installed, then extended.
};

// Installs and extends the SAs of `phones` phones in a fake kernel in a process of its own, in
// batches as a busy gmedge sends them.
FakeCost MeasureFakeKernel(uint32_t phones);

}  // namespace bench
