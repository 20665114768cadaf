#include "xfrm/sa.h"

#include <cassert>

namespace xfrm {

Policy PolicyOf(const Sa& sa) {
  assert(sa.tunnel);
  const Selector& flow = sa.selector;
  const bool is_in = sa.direction == Direction::kIn;
  Policy policy;
  policy.direction = sa.direction;
  policy.local = is_in ? flow.destination : flow.source;
  policy.local_port = is_in ? flow.destination_port : flow.source_port;
  policy.reqid = sa.reqid;
  policy.priority = kFlowPriority;
  policy.peer = is_in ? flow.source : flow.destination;
  policy.peer_port = is_in ? flow.source_port : flow.destination_port;
  policy.tunnel_source = sa.tunnel.source;
  policy.tunnel_destination = sa.tunnel.destination;
  return policy;
}

}  // namespace xfrm
