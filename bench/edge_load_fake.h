// What the model of the kernel costs that `gmedge --xfrm=sim` carries: reported apart, since the
// kernel's own SAs are no cost of gmedge.
#pragma once

#include <cstdint>

namespace bench {

// Where the SAs of `phones` phones are already.
struct FakeCost {
  double bytes = 0;       // Resident, per phone: four SAs.
  double install_us = 0;  // CPU, per phone: four SAs added...
  double extend_us = 0;   // ...given a new lifetime...
  double expire_us = 0;   // ...and looked at when the first would have ended.
};

// Installs and extends SAs in a fake kernel in a process of its own, in batches as a busy gmedge
// sends them.
FakeCost MeasureFakeKernel(uint32_t phones);

}  // namespace bench
