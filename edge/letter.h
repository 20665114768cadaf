// What a worker tells the others (design D6): a phone they may know comes to this one now. Small
// and of fixed size, for a mailbox.
#pragma once

#include <cstdint>

namespace edge {

struct Context;
class Actions;
class RegEvents;
class SetKeeper;

struct Letter {
  enum class Kind : uint8_t {
    // A phone asks for a registration, in clear. The kernel knows an SA by the phone's address and
    // SPI, whoever of us made it: a set of this phone that has one of these SPIs would be in the
    // way of the new one. A phone that still had the set would have chosen others (spec sheet 4.5).
    kComes,
    // It has registered. What others have of it is void (event 9), but for what is newer.
    kRegistered,
  };
  Kind kind = Kind::kComes;
  uint64_t phone = 0;  // Binding::token, from (IMPI, address) by the key that all workers share.
  uint32_t spi_uc = 0;
  uint32_t spi_us = 0;
  uint64_t installed_ms = 0;  // kRegistered: when the SAs of the new set were asked for.
};

// What another worker's letter asks for. Of a phone nobody here knows it asks for nothing.
void Obey(const Letter& letter, Context* context, SetKeeper* keeper, RegEvents* reg_events,
          Actions* actions);

}  // namespace edge
