#include "reactor/backlog.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

namespace reactor {

ChunkPool::ChunkPool(size_t chunks_max)
    : chunks_(std::make_unique_for_overwrite<Chunk[]>(chunks_max)), chunks_max_(chunks_max) {}

ChunkPool::Chunk* ChunkPool::Take() {
  Chunk* chunk = free_;
  if (chunk != nullptr) {
    free_ = chunk->next;
  } else if (touched_ < chunks_max_) {
    chunk = &chunks_[touched_++];
  } else {
    return nullptr;
  }
  chunk->next = nullptr;
  chunk->begin = chunk->end = 0;
  ++in_use_;
  return chunk;
}

void ChunkPool::Give(Chunk* chunk) {
  chunk->next = std::exchange(free_, chunk);
  --in_use_;
}

Backlog::~Backlog() {
  assert(first_ == nullptr && "a backlog's chunks are given back before it goes");
}

bool Backlog::HasRoom(size_t size, const ChunkPool& pool) const {
  const size_t room = last_ != nullptr ? ChunkPool::kChunkSize - last_->end : 0;
  return size <= room + pool.available() * ChunkPool::kChunkSize;
}

void Backlog::Append(std::string_view bytes, ChunkPool* pool) {
  size_ += bytes.size();
  while (!bytes.empty()) {
    if (last_ == nullptr || last_->end == ChunkPool::kChunkSize) {
      ChunkPool::Chunk* const chunk = pool->Take();
      assert(chunk != nullptr);
      (last_ == nullptr ? first_ : last_->next) = chunk;
      last_ = chunk;
    }
    const size_t size = std::min(bytes.size(), ChunkPool::kChunkSize - last_->end);
    std::memcpy(last_->bytes.data() + last_->end, bytes.data(), size);
    last_->end += static_cast<uint32_t>(size);
    bytes.remove_prefix(size);
  }
}

void Backlog::Splice(Backlog* later) {
  if (later->first_ == nullptr) return;
  if (last_ == nullptr) {
    first_ = later->first_;
  } else {
    last_->next = later->first_;
  }
  last_ = later->last_;
  size_ += later->size_;
  later->first_ = later->last_ = nullptr;
  later->size_ = 0;
}

std::string_view Backlog::front() const {
  if (first_ == nullptr) return {};
  return {first_->bytes.data() + first_->begin, first_->end - first_->begin};
}

std::string Backlog::text() const {
  std::string all;
  all.reserve(size_);
  for (const ChunkPool::Chunk* chunk = first_; chunk != nullptr; chunk = chunk->next) {
    all.append(chunk->bytes.data() + chunk->begin, chunk->end - chunk->begin);
  }
  return all;
}

void Backlog::Drop(size_t size, ChunkPool* pool) {
  assert(size <= front().size());
  if (size == 0) return;
  size_ -= size;
  first_->begin += static_cast<uint32_t>(size);
  if (first_->begin < first_->end) return;
  ChunkPool::Chunk* const next = first_->next;
  pool->Give(first_);
  first_ = next;
  if (first_ == nullptr) last_ = nullptr;
}

void Backlog::Clear(ChunkPool* pool) {
  while (!empty()) Drop(front().size(), pool);
}

}  // namespace reactor
