#include "bench/edge_load_socket.h"

#include <arpa/inet.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <cstring>

namespace bench {
namespace {

constexpr int kSocketBufferSize = 8 << 20;

void GrowBuffer(int fd, int forced, int plain) {
  // Without the right to force it the kernel gives what rmem_max and wmem_max allow.
  if (setsockopt(fd, SOL_SOCKET, forced, &kSocketBufferSize, sizeof(kSocketBufferSize)) == 0)
    return;
  setsockopt(fd, SOL_SOCKET, plain, &kSocketBufferSize, sizeof(kSocketBufferSize));
}

}  // namespace

sockaddr_in ToSockaddr(Address address) {
  sockaddr_in result{};
  result.sin_family = AF_INET;
  result.sin_addr.s_addr = htonl(address.ip);
  result.sin_port = htons(address.port);
  return result;
}

struct LoadSocket::Batch {
  union Control {
    cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(in_pktinfo))];
  };

  Batch() {
    for (size_t i = 0; i < kBatch; ++i) {
      slices[i] = {bytes[i].data(), bytes[i].size()};
      headers[i].msg_hdr = {&peers[i],    sizeof(peers[i]),    &slices[i], 1,
                            &controls[i], sizeof(controls[i]), 0};
    }
  }

  std::array<mmsghdr, kBatch> headers{};
  std::array<iovec, kBatch> slices{};
  std::array<sockaddr_in, kBatch> peers{};
  std::array<Control, kBatch> controls{};
  std::array<std::array<char, kDatagramSizeMax>, kBatch> bytes;
};

LoadSocket::LoadSocket() = default;

LoadSocket::~LoadSocket() {
  if (fd_ >= 0) close(fd_);
}

bool LoadSocket::Open(Address local, std::string* error) {
  out_ = std::make_unique<Batch>();
  in_ = std::make_unique<Batch>();
  fd_ = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  sockaddr_in address = ToSockaddr(local);
  const int yes = 1;
  if (fd_ < 0 || setsockopt(fd_, IPPROTO_IP, IP_PKTINFO, &yes, sizeof(yes)) != 0 ||
      bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    *error = std::string("load socket: ") + strerror(errno);
    return false;
  }
  GrowBuffer(fd_, SO_RCVBUFFORCE, SO_RCVBUF);
  GrowBuffer(fd_, SO_SNDBUFFORCE, SO_SNDBUF);
  socklen_t size = sizeof(address);
  getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  return true;
}

char* LoadSocket::Room() {
  if (queued_ == kBatch) Flush();
  return out_->bytes[static_cast<size_t>(queued_)].data();
}

void LoadSocket::Commit(uint32_t from_ip, Address to, size_t size) {
  assert(size <= kDatagramSizeMax);
  const size_t index = static_cast<size_t>(queued_++);
  out_->peers[index] = ToSockaddr(to);
  out_->slices[index].iov_len = size;
  msghdr& header = out_->headers[index].msg_hdr;
  header.msg_controllen = from_ip == 0 ? 0 : sizeof(out_->controls[index]);
  if (from_ip == 0) return;
  in_pktinfo source{};
  source.ipi_spec_dst.s_addr = htonl(from_ip);
  cmsghdr* const control = &out_->controls[index].align;
  control->cmsg_level = IPPROTO_IP;
  control->cmsg_type = IP_PKTINFO;
  control->cmsg_len = CMSG_LEN(sizeof(source));
  std::memcpy(CMSG_DATA(control), &source, sizeof(source));
}

void LoadSocket::Send(uint32_t from_ip, Address to, std::string_view payload) {
  assert(payload.size() <= kDatagramSizeMax);
  std::memcpy(Room(), payload.data(), payload.size());
  Commit(from_ip, to, payload.size());
}

void LoadSocket::Flush() {
  int done = 0;
  while (done < queued_) {
    const int count = sendmmsg(fd_, &out_->headers[static_cast<size_t>(done)],
                               static_cast<unsigned>(queued_ - done), 0);
    if (count > 0) {
      done += count;
      sent_ += static_cast<uint64_t>(count);
    } else if (errno != EINTR) {
      ++done;  // This one is lost; its transaction will time out and be counted.
      ++send_failures_;
    }
  }
  queued_ = 0;
}

int LoadSocket::Fill() {
  for (size_t i = 0; i < kBatch; ++i) {
    in_->headers[i].msg_hdr.msg_namelen = sizeof(sockaddr_in);
    in_->headers[i].msg_hdr.msg_controllen = sizeof(Batch::Control);
  }
  const int count = recvmmsg(fd_, in_->headers.data(), kBatch, MSG_DONTWAIT, nullptr);
  return count < 0 ? 0 : count;
}

LoadSocket::Received LoadSocket::At(int index) const {
  const size_t i = static_cast<size_t>(index);
  Received received;
  received.payload = {in_->bytes[i].data(), in_->headers[i].msg_len};
  received.from = {ntohl(in_->peers[i].sin_addr.s_addr), ntohs(in_->peers[i].sin_port)};
  msghdr* const header = &in_->headers[i].msg_hdr;
  for (cmsghdr* control = CMSG_FIRSTHDR(header); control != nullptr;
       control = CMSG_NXTHDR(header, control)) {
    if (control->cmsg_level != IPPROTO_IP || control->cmsg_type != IP_PKTINFO) continue;
    in_pktinfo info;
    std::memcpy(&info, CMSG_DATA(control), sizeof(info));
    received.local_ip = ntohl(info.ipi_addr.s_addr);
  }
  return received;
}

}  // namespace bench
