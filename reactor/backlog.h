// Bytes that wait for a peer that reads more slowly than it is sent to: a list of chunks from a
// pool that all connections share.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace reactor {

// Only pages that are written to take memory. Not thread-safe.
class ChunkPool {
 public:
  static constexpr size_t kChunkSize = 8192;
  struct Chunk {
    Chunk* next;
    uint32_t begin;  // What is not taken yet is bytes[begin, end).
    uint32_t end;
    std::array<char, kChunkSize> bytes;
  };

  explicit ChunkPool(size_t chunks_max);

  // Null when all are taken.
  Chunk* Take();
  void Give(Chunk* chunk);
  size_t in_use() const { return in_use_; }
  size_t available() const { return chunks_max_ - in_use_; }

 private:
  std::unique_ptr<Chunk[]> chunks_;
  size_t chunks_max_;
  size_t touched_ = 0;  // Chunks that were ever taken: the first ones.
  size_t in_use_ = 0;
  Chunk* free_ = nullptr;
};

// First in, first out. REQUIRES: empty when it is destroyed.
class Backlog {
 public:
  Backlog() = default;
  ~Backlog();
  Backlog(const Backlog&) = delete;
  Backlog& operator=(const Backlog&) = delete;

  // Has the pool chunks for so many more bytes?
  bool HasRoom(size_t size, const ChunkPool& pool) const;
  // REQUIRES: HasRoom().
  void Append(std::string_view bytes, ChunkPool* pool);
  // Puts all of `later` behind what is here.
  void Splice(Backlog* later);
  // The first bytes that lie together; "" when there are none. They stay where they are until they
  // are dropped.
  std::string_view front() const;
  // All of it; nothing is dropped.
  std::string text() const;
  // REQUIRES: size <= front().size().
  void Drop(size_t size, ChunkPool* pool);
  void Clear(ChunkPool* pool);

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

 private:
  ChunkPool::Chunk* first_ = nullptr;
  ChunkPool::Chunk* last_ = nullptr;
  size_t size_ = 0;
};

}  // namespace reactor
