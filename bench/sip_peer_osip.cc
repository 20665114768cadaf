// libosip2: parses the headers it knows at once, each piece into a string from malloc. It copies
// its input itself.
#include <osipparser2/osip_parser.h>

#include <cstdlib>

#include "bench/sip_peers.h"

namespace sip_bench {
namespace {

class Osip : public Peer {
 public:
  Osip() { parser_init(); }

  // It knows no Security-Client, and a parameter of a challenge that RFC 3261 does not name is
  // gone.
  PeerTraits traits() const override {
    return {.name = "Osip", .reads_security_client = false, .reads_keys = false};
  }

  bool Parse(std::string_view bytes) override {
    sip_ = nullptr;
    return osip_message_init(&sip_) == OSIP_SUCCESS &&
           osip_message_parse(sip_, bytes.data(), bytes.size()) == OSIP_SUCCESS;
  }

  bool ReadL1(PeerL1* out) override {
    out->method = sip_->sip_method;
    out->status = sip_->status_code;
    osip_via_t* via = nullptr;
    osip_message_get_via(sip_, 0, &via);
    if (via == nullptr || sip_->from == nullptr || sip_->to == nullptr ||
        sip_->call_id == nullptr || sip_->cseq == nullptr) {
      return false;
    }
    osip_generic_param_t* branch = nullptr;
    osip_via_param_get_byname(via, const_cast<char*>("branch"), &branch);
    out->branch = branch == nullptr ? nullptr : branch->gvalue;
    out->host = via->host;
    out->port = via->port;
    out->from_tag = Tag(sip_->from);
    out->to_tag = Tag(sip_->to);
    out->call_id = sip_->call_id->number;
    out->call_id_host = sip_->call_id->host;
    out->cseq = static_cast<uint32_t>(std::strtoul(sip_->cseq->number, nullptr, 10));
    out->cseq_method = sip_->cseq->method;
    return true;
  }

  void ReadL2(PeerL2* out) override {
    osip_www_authenticate_t* challenge = nullptr;
    osip_message_get_www_authenticate(sip_, 0, &challenge);
    if (challenge != nullptr) out->nonce = challenge->nonce;
  }

  void Release() override { osip_message_free(sip_); }

 private:
  static const char* Tag(osip_from_t* address) {
    osip_generic_param_t* tag = nullptr;
    osip_generic_param_get_byname(&address->gen_params, const_cast<char*>("tag"), &tag);
    return tag == nullptr ? nullptr : tag->gvalue;
  }

  osip_message_t* sip_ = nullptr;
};

}  // namespace

std::unique_ptr<Peer> MakeOsip() {
  return std::make_unique<Osip>();
}

}  // namespace sip_bench
