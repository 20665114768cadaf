// Bytes whose promised padding ends where the memory ends: a read beyond it faults (after
// picohttpparser's tests).
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cassert>
#include <cstddef>
#include <cstring>
#include <string_view>

#include "sip/span.h"

namespace gmedge_test {

// A copy of `text`, kPaddingSize bytes of `fill` behind it, and then a page that cannot be touched:
//
//   |  readable pages ...... text | padding | PROT_NONE page |
//
// The view stays valid as long as this object.
class GuardedText {
 public:
  explicit GuardedText(std::string_view text, char fill = '\n') : size_(text.size()) {
    const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    const size_t needed = text.size() + sip::kPaddingSize;
    readable_ = (needed + page - 1) / page * page;
    mapped_ = readable_ + page;
    void* const memory =
        mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert(memory != MAP_FAILED);
    memory_ = static_cast<char*>(memory);
    const int status = mprotect(memory_ + readable_, page, PROT_NONE);
    assert(status == 0);
    static_cast<void>(status);
    text_ = memory_ + readable_ - needed;
    if (!text.empty()) std::memcpy(text_, text.data(), text.size());
    std::memset(text_ + text.size(), fill, sip::kPaddingSize);
  }
  ~GuardedText() { munmap(memory_, mapped_); }
  GuardedText(const GuardedText&) = delete;
  GuardedText& operator=(const GuardedText&) = delete;

  std::string_view text() const { return {text_, size_}; }
  sip::PaddedView padded() const { return sip::PaddedView::Promise(text()); }

 private:
  size_t size_;
  size_t readable_ = 0;
  size_t mapped_ = 0;
  char* memory_ = nullptr;
  char* text_ = nullptr;
};

}  // namespace gmedge_test
