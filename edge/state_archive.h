// What a running gmedge hands to the one that takes over, as bytes: written and read by the same
// functions, so that the two cannot differ. Numbers are in the machine's own order: both run on it.
//
// What is read is not trusted: nothing is read past the end, no count is believed before its bytes
// are there, and after the first mistake everything reads as zero and ok() is false.
//
// Thread safety: none. Keys pass through: what is buffered is wiped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <type_traits>

#include "edge/flow.h"
#include "edge/packed_texts.h"
#include "reactor/endpoint.h"
#include "xfrm/key.h"

namespace edge {

class StateArchive {
 public:
  // Appends to a file, in pieces. ok() is false when the system refuses, or a limit is reached.
  static StateArchive Writer(int fd);
  // Outlived by the bytes.
  static StateArchive Reader(std::span<const std::byte> bytes);
  ~StateArchive();
  StateArchive(StateArchive&&) noexcept = default;
  StateArchive& operator=(StateArchive&&) = delete;

  bool is_reading() const { return buffer_ == nullptr; }
  bool ok() const { return ok_; }
  void Fail() { ok_ = false; }
  // After the last: writes what is buffered, or makes sure that nothing is left.
  bool Finish();

  // Either way:
  void Bytes(void* data, size_t size);
  template <typename T>
  requires std::is_arithmetic_v<T> || std::is_enum_v<T>
  void Number(T* value) { Bytes(value, sizeof(*value)); }
  void Bool(bool* value);
  // One of those up to `last`.
  template <typename T>
  requires std::is_enum_v<T>
  void Enum(T* value, T last) {
    Number(value);
    if (*value > last) *value = T{}, Fail();
  }
  // Fails above the limit.
  void Text(std::string* text, size_t size_max);
  // A number of things that each take `least` bytes at least; 0 where it is too many or fails.
  size_t Count(size_t count, size_t count_max, size_t least);
  // The same word in both, or the reader is not where the writer was.
  void Mark(uint32_t word);
  void Address(reactor::Endpoint* endpoint);
  // The port is one of `ports`.
  void Way(Flow* flow, size_t ports);
  void Key(xfrm::Key* key);
  template <size_t kCount>
  void Texts(PackedTexts<kCount>* texts) {
    std::array<std::string, kCount> all;
    std::array<std::string_view, kCount> views;
    size_t size = 0;
    for (size_t i = 0; i < kCount; ++i) {
      all[i] = (*texts)[i];
      Text(&all[i], PackedTexts<kCount>::kSizeMax - size);
      views[i] = all[i];
      size += all[i].size();
    }
    if (is_reading()) texts->Assign(views);
  }

  // Of all that is written.
  static constexpr uint64_t kSizeMax = uint64_t{4} << 30;

 private:
  static constexpr size_t kBufferSize = 65536;
  StateArchive() = default;
  bool Flush();

  bool ok_ = true;
  int fd_ = -1;
  std::unique_ptr<std::byte[]> buffer_;  // Null: it reads.
  size_t buffered_ = 0;
  uint64_t written_ = 0;
  std::span<const std::byte> left_;
};

}  // namespace edge
