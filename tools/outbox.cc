#include "tools/outbox.h"

#include <algorithm>
#include <cassert>

namespace tools {
namespace {

// Both sides write Via like this; a text without one is no SIP and goes over UDP.
bool IsForTcp(std::string_view text) {
  constexpr std::string_view kVia = "\r\nVia: SIP/2.0/";
  const size_t via = text.find(kVia);
  return via != std::string_view::npos && text.substr(via + kVia.size()).starts_with("TCP");
}

}  // namespace

std::span<char> Outbox::Reserve() {
  const size_t needed = used_ + kMessageSizeMax + sip::kPaddingSize;
  if (bytes_.size() < needed) bytes_.resize(std::max(needed, bytes_.size() * 2));
  return {bytes_.data() + used_, kMessageSizeMax};
}

void Outbox::Commit(const reactor::Endpoint& local, const reactor::Endpoint& peer, size_t size) {
  assert(size <= kMessageSizeMax);
  if (size == 0) {
    ++dropped_;
    return;
  }
  const bool over_tcp = IsForTcp({bytes_.data() + used_, size});
  datagrams_.push_back({local, peer, used_, size, over_tcp});
  used_ += size;
}

void Outbox::Send(const reactor::Endpoint& local, const reactor::Endpoint& peer,
                  std::string_view text) {
  assert(text.size() <= kMessageSizeMax);
  std::copy(text.begin(), text.end(), Reserve().begin());
  Commit(local, peer, text.size());
}

void Outbox::Clear() {
  used_ = 0;
  datagrams_.clear();
}

}  // namespace tools
