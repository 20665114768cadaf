// sofia-sip: parses every header it knows at once, into objects of one memory home per message.
#include <sofia-sip/msg.h>
#include <sofia-sip/msg_buffer.h>
#include <sofia-sip/msg_header.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_protos.h>
#include <sofia-sip/su_alloc.h>

#include <array>
#include <cstring>

#include "bench/sip_peers.h"
#include "sip/message.h"

namespace sip_bench {
namespace {

class Sofia : public Peer {
 public:
  PeerTraits traits() const override {
    return {.name = "Sofia", .reads_security_client = true, .reads_keys = true};
  }

  // The parser writes into its input: NULs behind the pieces. So each message needs its bytes
  // afresh, as a socket would put them. Of the ways to hand them over this is the fastest: a buffer
  // that is lent, not allocated (msg_make() and msg_recv_iovec() allocate one a message), and the
  // home's memory in one piece beforehand.
  bool Parse(std::string_view bytes) override {
    msg_ = msg_create(sip_default_mclass(), 0);
    su_home_preload(msg_home(msg_), 1, kHomeSize);
    std::memcpy(buffer_.data(), bytes.data(), bytes.size());
    const usize_t size = static_cast<usize_t>(bytes.size());
    msg_buf_set(msg_, buffer_.data(), size + 1);
    msg_buf_commit(msg_, size, 1);
    const int extracted = msg_extract(msg_);
    sip_ = sip_object(msg_);
    return extracted > 0 && sip_ != nullptr && sip_->sip_error == nullptr;
  }

  bool ReadL1(PeerL1* out) override {
    if (sip_->sip_request != nullptr) out->method = sip_->sip_request->rq_method_name;
    if (sip_->sip_status != nullptr) out->status = sip_->sip_status->st_status;
    if (sip_->sip_via == nullptr || sip_->sip_from == nullptr || sip_->sip_to == nullptr ||
        sip_->sip_call_id == nullptr || sip_->sip_cseq == nullptr) {
      return false;
    }
    out->branch = sip_->sip_via->v_branch;
    out->host = sip_->sip_via->v_host;
    out->port = sip_->sip_via->v_port;
    out->from_tag = sip_->sip_from->a_tag;
    out->to_tag = sip_->sip_to->a_tag;
    out->call_id = sip_->sip_call_id->i_id;
    out->cseq = sip_->sip_cseq->cs_seq;
    out->cseq_method = sip_->sip_cseq->cs_method_name;
    return true;
  }

  void ReadL2(PeerL2* out) override {
    out->mechanism_count = 0;
    for (const sip_security_client_t* at = sip_->sip_security_client;
         at != nullptr && out->mechanism_count < PeerL2::kMechanismsMax; at = at->sa_next) {
      out->mechanisms[static_cast<size_t>(out->mechanism_count++)] = {.name = at->sa_mec,
                                                                      .params = at->sa_params};
    }
    if (const sip_www_authenticate_t* const challenge = sip_->sip_www_authenticate) {
      out->nonce = msg_params_find(challenge->au_params, "nonce=");
      out->ik = msg_params_find(challenge->au_params, "ik=");
      out->ck = msg_params_find(challenge->au_params, "ck=");
    }
  }

  void Release() override {
    msg_destroy(msg_);
    msg_ = nullptr;
    sip_ = nullptr;
  }

 private:
  // Enough for the largest message of the bench; the rest would come from malloc.
  static constexpr size_t kHomeSize = 16000;

  std::array<char, sip::kMessageSizeMax + 1> buffer_;
  msg_t* msg_ = nullptr;
  const sip_t* sip_ = nullptr;
};

}  // namespace

std::unique_ptr<Peer> MakeSofia() {
  return std::make_unique<Sofia>();
}

}  // namespace sip_bench
