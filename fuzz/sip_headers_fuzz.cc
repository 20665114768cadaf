// Any text as the value of any header that has a decoder, and whole messages with each header
// decoded by its name. The first byte chooses: kDecoders below, or 'M' for a message. What a
// decoder yields lies in the input, and the same text says the same again elsewhere.
#include <memory>
#include <optional>
#include <vector>

#include "fuzz/sip_check.h"
#include "sip/access_network.h"
#include "sip/capability.h"
#include "sip/charging.h"
#include "sip/contact.h"
#include "sip/content_type.h"
#include "sip/date.h"
#include "sip/event.h"
#include "sip/feature_tag.h"
#include "sip/geolocation.h"
#include "sip/identity.h"
#include "sip/list.h"
#include "sip/privacy.h"
#include "sip/rack.h"
#include "sip/reason.h"
#include "sip/replaces.h"
#include "sip/retry_after.h"
#include "sip/session_timer.h"
#include "sip/warning.h"
#include "tests/guard_page.h"

namespace sip_fuzz {
namespace {

using gmedge_test::GuardedText;
using sip::HeaderId;
using sip::Message;
using sip::ParseError;

// What a decoder said.
struct Facts {
  std::vector<std::string_view> views;
  std::vector<int64_t> numbers;

  void Add(std::initializer_list<std::string_view> more) {
    views.insert(views.end(), more.begin(), more.end());
  }
  void Add(std::optional<uint32_t> number) {  // A flag too: 0 or 1.
    numbers.push_back(number ? int64_t{*number} : -1);
  }
};

bool Good(ParseError error) {
  CheckNamed(error);
  return error == ParseError::kOk;
}

void AddFeatureTags(std::string_view params, Facts* facts) {
  sip::FeatureTagReader reader(params);
  for (sip::FeatureTag tag; reader.Next(&tag);) {
    facts->Add({tag.name, tag.value});
    Check(tag.is_string || !HasFeatureValue(tag, ","), "no value of a list is a comma");
    Check(sip::FindFeatureTag(params, tag.name).has_value(), "a tag is found");
    if (tag.value.find(',') == std::string_view::npos && sip::Trim(tag.value) == tag.value) {
      Check(tag.value.empty() || HasFeatureValue(tag, tag.value), "a single value is there");
    }
  }
  Check(reader.ok(), "what was decoded reads to its end");
}

bool DecodeContactFacts(std::string_view text, Facts* facts) {
  sip::Contact contact;
  if (!Good(DecodeContact(text, &contact))) return false;
  facts->Add({contact.address.uri, contact.instance, contact.pub_gruu, contact.temp_gruu});
  facts->Add(contact.expires);
  facts->Add(contact.reg_id);
  facts->Add(contact.q_thousandths);
  facts->Add(IsEmergencyContact(contact));
  Check(contact.q_thousandths.value_or(0) <= 1000, "q is at most 1");
  Check(!contact.star || contact.address.params.empty(), "a star is alone");
  AddFeatureTags(contact.address.params, facts);
  return true;
}

bool DecodeFeatureCapsFacts(std::string_view text, Facts* facts) {
  sip::FeatureCaps caps;
  if (!Good(DecodeFeatureCaps(text, &caps))) return false;
  facts->Add({caps.params});
  AddFeatureTags(caps.params, facts);
  return true;
}

bool DecodeAccessFacts(std::string_view text, Facts* facts) {
  sip::AccessNetwork network;
  if (!Good(DecodeAccessNetwork(text, &network))) return false;
  facts->Add({network.access, network.cgi, network.utran_cell, network.utran_sai, network.wlan_node,
              network.local_zone, network.ue_address, network.params});
  facts->Add(network.network_provided);
  CheckNamed(network.kind);
  return true;
}

bool DecodeVisitedFacts(std::string_view text, Facts* facts) {
  sip::VisitedNetwork network;
  if (!Good(DecodeVisitedNetwork(text, &network))) return false;
  facts->Add({network.id, network.params});
  return true;
}

bool DecodeVectorFacts(std::string_view text, Facts* facts) {
  sip::ChargingVector vector;
  if (!Good(DecodeChargingVector(text, &vector))) return false;
  Check(!vector.icid_value.empty(), "a vector has its icid");
  facts->Add({vector.icid_value, vector.icid_generated_at, vector.orig_ioi, vector.term_ioi,
              vector.related_icid, vector.related_icid_generated_at, vector.params});
  return true;
}

bool DecodeChargingFacts(std::string_view text, Facts* facts) {
  sip::ChargingAddresses addresses;
  if (!Good(DecodeChargingAddresses(text, &addresses))) return false;
  for (const std::string_view address : addresses.ccf()) facts->Add({address});
  for (const std::string_view address : addresses.ecf()) facts->Add({address});
  return true;
}

bool DecodeIdentityFacts(std::string_view text, Facts* facts) {
  sip::Identity identity;
  if (!Good(DecodeIdentity(text, &identity))) return false;
  facts->Add({identity.address.display, identity.address.uri, identity.address.params});
  facts->Add({identity.uri.user, identity.uri.host, identity.uri.params});
  facts->Add(identity.uri.port);
  return true;
}

bool DecodePrivacyFacts(std::string_view text, Facts* facts) {
  sip::Privacy privacy;
  if (!Good(DecodePrivacy(text, &privacy))) return false;
  for (const bool flag : {privacy.none, privacy.header, privacy.session, privacy.user, privacy.id,
                          privacy.history, privacy.critical, privacy.unknown}) {
    facts->Add(flag);
  }
  return true;
}

bool DecodeEventFacts(std::string_view text, Facts* facts) {
  sip::Event event;
  if (!Good(DecodeEvent(text, &event))) return false;
  facts->Add({event.package, event.templates, event.id, event.params});
  return true;
}

bool DecodeStateFacts(std::string_view text, Facts* facts) {
  sip::SubscriptionState state;
  if (!Good(DecodeSubscriptionState(text, &state))) return false;
  facts->Add({state.phase_text, state.reason, state.params});
  facts->Add(state.expires);
  facts->Add(state.retry_after);
  const bool known = state.phase != sip::SubscriptionPhase::kOther;
  Check(!known || sip::EqualsIgnoreCase(Name(state.phase), state.phase_text), "a phase is named");
  return true;
}

bool DecodeRAckFacts(std::string_view text, Facts* facts) {
  sip::RAck rack;
  facts->Add(sip::DecodeRSeq(text));
  if (!Good(DecodeRAck(text, &rack))) return false;
  facts->Add({rack.cseq.method_text});
  facts->Add(rack.rseq);
  facts->Add(rack.cseq.number);
  return true;
}

bool DecodeReplacesFacts(std::string_view text, Facts* facts) {
  sip::Replaces replaces;
  if (!Good(DecodeReplaces(text, &replaces))) return false;
  Check(!replaces.call_id.empty() && !replaces.to_tag.empty() && !replaces.from_tag.empty(),
        "a dialog has three names");
  facts->Add({replaces.call_id, replaces.to_tag, replaces.from_tag});
  facts->Add(replaces.early_only);
  return true;
}

bool DecodeTimerFacts(std::string_view text, Facts* facts) {
  sip::SessionExpires expires;
  uint32_t min_se = 0;
  const bool good = Good(DecodeSessionExpires(text, &expires));
  if (!Good(sip::DecodeMinSe(text, &min_se))) {
    Check(!good, "what is a Session-Expires is a Min-SE");
    return false;
  }
  facts->Add(min_se);
  const std::string_view refresher = Name(expires.refresher);
  Check(refresher.empty() || expires.params.size() > refresher.size(),
        "a refresher is a parameter");
  facts->Add({expires.params});
  return true;
}

bool DecodeReasonFacts(std::string_view text, Facts* facts) {
  sip::Reason reason;
  if (!Good(DecodeReason(text, &reason))) return false;
  facts->Add({reason.protocol, reason.text, reason.params});
  facts->Add(reason.cause);
  return true;
}

bool DecodeRetryFacts(std::string_view text, Facts* facts) {
  sip::RetryAfter retry_after;
  if (!Good(DecodeRetryAfter(text, &retry_after))) return false;
  facts->Add({retry_after.comment, retry_after.params});
  facts->Add(retry_after.seconds);
  facts->Add(retry_after.duration);
  return true;
}

bool DecodeWarningFacts(std::string_view text, Facts* facts) {
  sip::Warning warning;
  if (!Good(DecodeWarning(text, &warning))) return false;
  Check(warning.code >= 100 && warning.code <= 999, "a warning has three digits");
  facts->Add({warning.agent, warning.text});
  facts->Add(uint32_t{warning.code});
  return true;
}

bool DecodeTypeFacts(std::string_view text, Facts* facts) {
  sip::ContentType type;
  if (!Good(DecodeContentType(text, &type))) return false;
  Check(type.Is(type.type, type.subtype), "a type is itself");
  facts->Add({type.type, type.subtype, type.boundary, type.charset, type.params});
  return true;
}

bool DecodeGeolocationFacts(std::string_view text, Facts* facts) {
  sip::Geolocation geolocation;
  if (!Good(DecodeGeolocation(text, &geolocation))) return false;
  facts->Add({geolocation.uri, geolocation.content_id, geolocation.params});
  return true;
}

bool DecodeDateFacts(std::string_view text, Facts* facts) {
  int64_t seconds = 0;
  if (!Good(sip::DecodeDate(text, &seconds))) return false;
  facts->numbers.push_back(seconds);
  return true;
}

struct Decoder {
  char key;
  HeaderId id;
  bool is_list;
  bool (*decode)(std::string_view text, Facts* facts);
};

constexpr Decoder kDecoders[] = {
    {'a', HeaderId::kPAccessNetworkInfo, true, DecodeAccessFacts},
    {'c', HeaderId::kContact, true, DecodeContactFacts},
    {'d', HeaderId::kDate, false, DecodeDateFacts},
    {'e', HeaderId::kEvent, false, DecodeEventFacts},
    {'f', HeaderId::kFeatureCaps, true, DecodeFeatureCapsFacts},
    {'g', HeaderId::kGeolocation, true, DecodeGeolocationFacts},
    {'h', HeaderId::kPChargingFunctionAddresses, true, DecodeChargingFacts},
    {'i', HeaderId::kPAssertedIdentity, true, DecodeIdentityFacts},
    {'i', HeaderId::kPPreferredIdentity, true, DecodeIdentityFacts},
    {'i', HeaderId::kPAssociatedUri, true, DecodeIdentityFacts},
    {'i', HeaderId::kPCalledPartyId, false, DecodeIdentityFacts},
    {'k', HeaderId::kRAck, false, DecodeRAckFacts},
    {'l', HeaderId::kReplaces, false, DecodeReplacesFacts},
    {'n', HeaderId::kPVisitedNetworkId, true, DecodeVisitedFacts},
    {'p', HeaderId::kPrivacy, false, DecodePrivacyFacts},
    {'r', HeaderId::kReason, true, DecodeReasonFacts},
    {'s', HeaderId::kSubscriptionState, false, DecodeStateFacts},
    {'t', HeaderId::kContentType, false, DecodeTypeFacts},
    {'v', HeaderId::kPChargingVector, false, DecodeVectorFacts},
    {'w', HeaderId::kWarning, true, DecodeWarningFacts},
    {'x', HeaderId::kSessionExpires, false, DecodeTimerFacts},
    {'x', HeaderId::kMinSe, false, DecodeTimerFacts},
    {'y', HeaderId::kRetryAfter, false, DecodeRetryFacts},
};

// `text` decodes to what lies in it, and a copy of it, that ends where its memory ends, to the
// same.
void CheckDecoder(const Decoder& decoder, std::string_view text) {
  Facts facts;
  const bool good = decoder.decode(text, &facts);
  for (const std::string_view view : facts.views) CheckInside(view, text, "what a header says");
  const std::vector<char> copy(text.begin(), text.end());
  Facts again;
  Check(decoder.decode({copy.data(), copy.size()}, &again) == good, "a copy is as good");
  Check(again.views == facts.views && again.numbers == facts.numbers, "a copy says the same");
}

void CheckMembers(const Decoder& decoder, std::string_view value) {
  for (std::string_view rest = value; !rest.empty();) {
    const std::string_view member = sip::CutMember(rest, &rest);
    CheckInside(member, value, "a member");
    CheckDecoder(decoder, member);
  }
}

void CheckLists(const Message& message) {
  for (const HeaderId id : {HeaderId::kPAssertedIdentity, HeaderId::kPPreferredIdentity}) {
    sip::Identities identities;
    if (!Good(DecodeIdentities(message, id, &identities))) continue;
    Check(identities.tel.empty() || identities.tel.uri.scheme == sip::Scheme::kTel, "a tel");
    Check(identities.sip.empty() || identities.sip.uri.scheme != sip::Scheme::kTel, "no tel");
    CheckInside(identities.sip.address.uri, message.bytes(), "an identity");
    CheckInside(identities.tel.address.uri, message.bytes(), "an identity");
  }
  sip::ChargingAddresses addresses;
  static_cast<void>(DecodeChargingAddresses(message, &addresses));
  sip::MethodSet methods;
  if (Good(DecodeMethods(message, HeaderId::kAllow, &methods))) {
    sip::ListReader reader(message, HeaderId::kAllow);
    for (sip::ListMember member; reader.Next(&member);) {
      Check(methods.Has(sip::LookUpMethod(member.text)), "a method is in the set");
    }
  }
  sip::OptionSet options;
  if (Good(DecodeOptions(message, HeaderId::kSupported, &options))) {
    sip::ListReader reader(message, HeaderId::kSupported);
    for (sip::ListMember member; reader.Next(&member);) {
      const sip::Option option = sip::LookUpOption(member.text);
      Check(options.Has(option), "an option is in the set");
      Check(sip::LookUpOption(Name(option)) == option, "an option has its name");
    }
  }
}

void CheckMessage(std::string_view text) {
  const GuardedText guarded(text);
  const auto message = std::make_unique<Message>();
  if (!Good(sip::Parse(guarded.padded(), message.get()))) return;
  for (const Decoder& decoder : kDecoders) {
    if (decoder.is_list) {
      sip::ListReader reader(*message, decoder.id);
      for (sip::ListMember member; reader.Next(&member);) CheckDecoder(decoder, member.text);
    } else {
      CheckDecoder(decoder, message->Value(decoder.id));
    }
  }
  CheckLists(*message);
}

}  // namespace
}  // namespace sip_fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sip_fuzz;
  if (size == 0) return 0;
  const std::string_view rest = AsText(data + 1, size - 1);
  const char key = static_cast<char>(data[0]);
  if (key == 'M') CheckMessage(rest);
  const GuardedText guarded(rest);
  for (const Decoder& decoder : kDecoders) {
    if (decoder.key != key) continue;
    CheckDecoder(decoder, guarded.text());
    CheckMembers(decoder, guarded.text());
    break;
  }
  return 0;
}
