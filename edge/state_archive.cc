#include "edge/state_archive.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace edge {

StateArchive StateArchive::Writer(int fd) {
  StateArchive archive;
  archive.fd_ = fd;
  archive.buffer_ = std::make_unique<std::byte[]>(kBufferSize);
  return archive;
}

StateArchive StateArchive::Reader(std::span<const std::byte> bytes) {
  StateArchive archive;
  archive.left_ = bytes;
  return archive;
}

StateArchive::~StateArchive() {
  if (buffer_ != nullptr) xfrm::Wipe(buffer_.get(), kBufferSize);
}

bool StateArchive::Finish() {
  if (is_reading() ? !left_.empty() : !Flush()) Fail();
  return ok_;
}

bool StateArchive::Flush() {
  for (size_t done = 0; done < buffered_ && ok_;) {
    const ssize_t size = write(fd_, buffer_.get() + done, buffered_ - done);
    if (size > 0) {
      done += static_cast<size_t>(size);
    } else if (errno != EINTR) {
      Fail();
    }
  }
  written_ += buffered_;
  buffered_ = 0;
  if (written_ > kSizeMax) Fail();
  return ok_;
}

void StateArchive::Bytes(void* data, size_t size) {
  if (is_reading()) {
    if (size > left_.size()) Fail();
    if (!ok_) {
      std::memset(data, 0, size);
      return;
    }
    std::memcpy(data, left_.data(), size);
    left_ = left_.subspan(size);
    return;
  }
  const auto* from = static_cast<const std::byte*>(data);
  while (size > 0 && ok_) {
    const size_t taken = std::min(size, kBufferSize - buffered_);
    std::memcpy(buffer_.get() + buffered_, from, taken);
    buffered_ += taken;
    from += taken;
    size -= taken;
    if (buffered_ == kBufferSize) Flush();
  }
}

void StateArchive::Bool(bool* value) {
  uint8_t byte = *value ? 1 : 0;
  Number(&byte);
  if (byte > 1) Fail();
  *value = byte == 1;
}

void StateArchive::Text(std::string* text, size_t size_max) {
  const size_t size = Count(text->size(), size_max, 1);
  if (is_reading()) text->resize(size);
  Bytes(text->data(), size);
}

size_t StateArchive::Count(size_t count, size_t count_max, size_t least) {
  auto number = static_cast<uint32_t>(count);
  if (count > count_max) Fail();
  Number(&number);
  if (number > count_max || (is_reading() && number > left_.size() / least)) Fail();
  return ok_ ? number : 0;
}

void StateArchive::Mark(uint32_t word) {
  uint32_t there = word;
  Number(&there);
  if (there != word) Fail();
}

void StateArchive::Address(reactor::Endpoint* endpoint) {
  static_assert(sizeof(*endpoint) == sizeof(sockaddr_in6));
  Bytes(endpoint, sizeof(*endpoint));
  const sa_family_t family = endpoint->family();
  if (family != AF_INET && family != AF_INET6 && family != AF_UNSPEC) {
    Fail();
    *endpoint = {};
  }
}

void StateArchive::Way(Flow* flow, size_t ports) {
  Number(&flow->port);
  Address(&flow->remote);
  Enum(&flow->transport, Transport::kTcp);
  Number(&flow->connect_port);
  Bool(&flow->or_udp);
  if (flow->port >= ports) {
    flow->port = 0;
    Fail();
  }
}

void StateArchive::Key(xfrm::Key* key) {
  std::array<uint8_t, xfrm::Key::kSize> bytes{};
  std::copy(key->bytes().begin(), key->bytes().end(), bytes.begin());
  Bytes(bytes.data(), bytes.size());
  if (is_reading()) *key = xfrm::Key(std::span<const uint8_t, xfrm::Key::kSize>(bytes));
  xfrm::Wipe(bytes.data(), bytes.size());
}

}  // namespace edge
