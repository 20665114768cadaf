// The kernel's refusals by name and in words.
#include <cerrno>

#include "xfrm/reply.h"

namespace xfrm {
namespace {

struct Refusal {
  int number;
  std::string_view name;
  std::string_view words;
};

constexpr Refusal kRefusals[] = {
    {0, "OK", "no error"},
    {EPERM, "EPERM", "EPERM: no right to change SAs and policies (needs CAP_NET_ADMIN)"},
    {ENOENT, "ENOENT",
     "ENOENT: no such policy, or the kernel's crypto lacks the algorithm (modules authenc, cbc, "
     "gcm, des_generic, echainiv, seqiv)"},
    {ESRCH, "ESRCH", "ESRCH: no such SA; it has expired or was deleted"},
    {EINTR, "EINTR", "EINTR: the table changed during the dump; dump again"},
    {EAGAIN, "EAGAIN", "EAGAIN: the kernel has no room for the request now; try again"},
    {ENOMEM, "ENOMEM", "ENOMEM: the kernel is out of memory"},
    {EACCES, "EACCES", "EACCES: a security module forbids it"},
    {ENODEV, "ENODEV", "ENODEV: no such network device, or none behind it"},
    {ENOSPC, "ENOSPC", "ENOSPC: the network device has no room for another SA"},
    {EBUSY, "EBUSY", "EBUSY: another dump is under way on this socket"},
    {EEXIST, "EEXIST",
     "EEXIST: an SA with this address and SPI, or a policy with this selector, is there already"},
    {EINVAL, "EINVAL", "EINVAL: the kernel does not accept the request's fields or key length"},
    {ERANGE, "ERANGE", "ERANGE: an attribute of the request is too short for this kernel"},
    {ENOSYS, "ENOSYS",
     "ENOSYS: the kernel does not know the algorithm (modules hmac, md5, sha1, aes, "
     "des_generic, gcm, crypto_null)"},
    {EMSGSIZE, "EMSGSIZE", "EMSGSIZE: the batch is larger than the socket's send buffer"},
    {EPROTONOSUPPORT, "EPROTONOSUPPORT",
     "EPROTONOSUPPORT: the kernel lacks XFRM or ESP (modules xfrm_user, esp4, esp6)"},
    {EOPNOTSUPP, "EOPNOTSUPP", "EOPNOTSUPP: this kernel cannot do what the request asks"},
    {EAFNOSUPPORT, "EAFNOSUPPORT", "EAFNOSUPPORT: the kernel has no IPv6"},
    {ENOBUFS, "ENOBUFS", "ENOBUFS: answers were lost, the receive buffer is too small"},
    {ETIMEDOUT, "ETIMEDOUT", "ETIMEDOUT: the kernel has not answered; outcome unknown"},
};

const Refusal* Find(std::errc error) {
  for (const Refusal& refusal : kRefusals) {
    if (refusal.number == static_cast<int>(error)) return &refusal;
  }
  return nullptr;
}

}  // namespace

std::string_view Explain(std::errc error) {
  const Refusal* refusal = Find(error);
  return refusal != nullptr ? refusal->words : "E?: an error that XFRM requests do not give";
}

std::string_view Name(std::errc error) {
  const Refusal* refusal = Find(error);
  return refusal != nullptr ? refusal->name : "E?";
}

}  // namespace xfrm
