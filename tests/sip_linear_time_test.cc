// Nothing in sip/ takes more time per byte for a long text than for a short one, whatever the text:
// one datagram of 64 KiB must not hold up the phones of a worker. And each gets its verdict.
#include <gtest/gtest.h>
#include <time.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sip/access_network.h"
#include "sip/address.h"
#include "sip/capability.h"
#include "sip/charging.h"
#include "sip/contact.h"
#include "sip/content_type.h"
#include "sip/date.h"
#include "sip/digest.h"
#include "sip/edit.h"
#include "sip/escape.h"
#include "sip/event.h"
#include "sip/feature_tag.h"
#include "sip/framer.h"
#include "sip/geolocation.h"
#include "sip/identity.h"
#include "sip/list.h"
#include "sip/number.h"
#include "sip/privacy.h"
#include "sip/rack.h"
#include "sip/reason.h"
#include "sip/replaces.h"
#include "sip/response.h"
#include "sip/retry_after.h"
#include "sip/security.h"
#include "sip/session_timer.h"
#include "sip/uri_compare.h"
#include "sip/uri_params.h"
#include "sip/via.h"
#include "sip/warning.h"
#include "tests/sip_fixture.h"

namespace sip {
namespace {

using gmedge_test::GuardedText;
using gmedge_test::Parsed;
using gmedge_test::RequestWith;

constexpr size_t kLong = 64000;  // What a message of 64 KiB has room for.
constexpr size_t kShort = 4000;
constexpr size_t kFactor = kLong / kShort;
// Of the times per byte. A quadratic reader has kFactor; caches make up to 3.
constexpr uint64_t kRatioMax = 8;

// `begin`, then `unit` again and again, then `end`. '#' in the unit is the number of the turn.
struct Shape {
  const char* name;
  std::string_view begin;
  std::string_view unit;
  std::string_view end;

  std::string Make(size_t size) const {
    std::string text(begin);
    for (int turn = 0; text.size() + unit.size() + end.size() <= size; ++turn) {
      for (const char c : unit) c == '#' ? text += std::to_string(turn) : text += c;
    }
    return text.append(end);
  }
};

// Under a sanitizer it is the memory that is looked at: one good round will do there.
#if defined(__has_feature)
constexpr int kRoundsMin = __has_feature(address_sanitizer) ? 1 : 3;
#else
constexpr int kRoundsMin = 3;
#endif

// --- Time ----------------------------------------------------------------------------------------

// Of this thread alone: what others do on the machine is not counted.
uint64_t Nanoseconds() {
  timespec time;
  EXPECT_EQ(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time), 0);
  return static_cast<uint64_t>(time.tv_sec) * 1000000000 + static_cast<uint64_t>(time.tv_nsec);
}

uint64_t TimeOf(int turns, const std::function<void()>& work) {
  const uint64_t begin = Nanoseconds();
  for (int turn = 0; turn < turns; ++turn) work();
  return Nanoseconds() - begin;
}

// `on_long` takes no more than kRatioMax times what `on_short` takes for as many bytes. The best of
// several rounds counts, and of many when it does not look so: what is not linear stays so in all.
void ExpectLinear(const std::string& what, const std::function<void()>& on_short,
                  const std::function<void()>& on_long) {
  if (testing::Test::HasFailure()) return;  // Time that is not linear is long.
  constexpr int kRoundsMax = 10;
  constexpr uint64_t kHopeless = 100'000'000;  // A tenth of a second is no noise, either way.
  uint64_t short_time = UINT64_MAX;
  uint64_t long_time = UINT64_MAX;
  for (int round = 0; round < kRoundsMax; ++round) {
    short_time = std::min(short_time, TimeOf(kFactor, on_short));
    long_time = std::min(long_time, TimeOf(1, on_long));
    if (long_time <= kRatioMax * short_time) {
      if (round + 1 >= kRoundsMin || long_time > kHopeless) return;
    } else if (long_time > kHopeless) {
      break;
    }
  }
  ADD_FAILURE() << what << ": " << long_time << " ns for " << kLong << " bytes, " << short_time
                << " ns for " << kFactor << " times " << kShort;
}

// --- Values --------------------------------------------------------------------------------------

constexpr Shape kValues[] = {
    {"blanks", "", " ", "x"},
    {"folds", "", "\r\n ", "x"},
    {"commas", "", ",", ""},
    {"commas and blanks", "", ", ", ""},
    {"semicolons", "", ";", ""},
    {"quotes", "", "\"", ""},
    {"an open string", "\"", "x", ""},
    {"an open string of escapes", "\"", "\\\"", ""},
    {"a string of escapes", "\"", "\\\"", "\""},
    {"strings", "", "\"a\",", ""},
    {"strings side by side", "", "\"a\" ", ""},
    {"backslashes", "", "\\", ""},
    {"left brackets", "", "<", ""},
    {"right brackets", "", ">", ""},
    {"brackets", "", "<>", ""},
    {"square brackets", "", "[", ""},
    {"comments", "", "(", ""},
    {"colons", "", ":", ""},
    {"at signs", "sip:", "@", ""},
    {"escapes", "sip:", "%41", "@h"},
    {"question marks", "sip:a@h?", "a=1?", ""},
    {"URI headers", "sip:a@h?", "a#=1&", "a=1"},
    {"a URI with parameters", "<sip:a@h", ";a#=b", ">"},
    {"dots", "h", ".", ""},
    {"labels", "h", ".h", ""},
    {"digits", "", "1", ""},
    {"zeros", "0.", "0", ""},
    {"a name", "", "a", ""},
    {"names", "", "a ", ""},
    {"members", "", "a,", "a"},
    {"numbered members", "", "a#,", "a"},
    {"addresses", "", "<sip:a#@h>;expires=1,", "<sip:a@h>"},
    {"flags", "", ";a", ""},
    {"numbered flags", "", ";a#", ""},
    {"numbered parameters", "", ";a#=b", ""},
    {"parameters with commas", "", "a#=\"b\",", "a=b"},
    {"open parameters", "", ";a=\"", ""},
    {"parameters of open brackets", "", ";a=<", ""},
    {"string parameters", "", ";a#=\"\\\"\"", ""},
    {"spaced parameters", "", " ; a = b", ""},
    {"equals signs", "", "=", ""},
    {"values without end", "", ";a=;b=", ""},
    {"bytes beyond ASCII", "", "\xff", ""},
};

template <typename Value, ParseError (*kDecode)(std::string_view, Value*)>
bool Decodes(PaddedView text) {
  Value value;
  return kDecode(text, &value) == ParseError::kOk;
}
// What can be told of a padded text and of any other: there may be two ways to the same end.
template <typename Value, ParseError (*kDecode)(LentText, Value*)>
bool DecodesLent(PaddedView text) {
  Value value;
  const ParseError error = kDecode(text, &value);
  EXPECT_EQ(kDecode(text.bytes(), &value), error);
  return error == ParseError::kOk;
}

template <char kSeparator>
bool ReadsParams(PaddedView text) {
  static_cast<void>(FindParam(text, "nothing", kSeparator));
  const bool good = IsParamList(text, kSeparator);
  EXPECT_EQ(IsParamList(text.bytes(), kSeparator), good);
  return good;
}

bool ReadsMembers(PaddedView text) {
  int count = 0;
  for (std::string_view rest = text; !rest.empty(); ++count) CutMember(rest, &rest);
  return count > 0;
}

bool ReadsFeatureTags(PaddedView text) {
  FeatureTagReader reader(text);
  for (FeatureTag tag; reader.Next(&tag);) static_cast<void>(HasFeatureValue(tag, "x"));
  return reader.ok();
}

bool ReadsUri(PaddedView text) {
  Uri uri;
  UriParams params;
  if (DecodeUri(text, &uri) != ParseError::kOk) return false;
  UriHeaderReader reader(uri.headers);
  for (UriHeader header; reader.Next(&header);) {
  }
  std::vector<char> copy(text.begin(), text.end());
  copy.front() ^= 0x20;  // Another spelling of the scheme: all the rest is compared.
  Uri other;
  return DecodeUri({copy.data(), copy.size()}, &other) == ParseError::kOk && SameUri(uri, other) &&
         DecodeUriParams(uri, &params) == ParseError::kOk;
}

bool ReadsEscapes(PaddedView text) {
  std::vector<char> out(text.size());
  return Unescape(text, out).has_value();
}

bool ReadsAgreement(PaddedView text) {
  const auto list = std::make_unique<SecurityList>();
  return DecodeSecurity(text, list.get()) == ParseError::kOk && SameAgreement(*list, *list);
}

// What reads a value, and a value that it takes: each shape is read alone and behind that one.
struct Reader {
  const char* name;
  std::string_view good;
  bool (*read)(PaddedView text);
};

constexpr Reader kReaders[] = {
    {"AccessNetwork", "3GPP-NR;a=b", &Decodes<AccessNetwork, &DecodeAccessNetwork>},
    {"Address", "\"a\" <sip:a@h>;tag=1", &DecodesLent<Address, &DecodeAddress>},
    {"CSeq", "1 INVITE", &Decodes<CSeq, &DecodeCSeq>},
    {"ChargingAddresses", "ccf=a", &Decodes<ChargingAddresses, &DecodeChargingAddresses>},
    {"ChargingVector", "icid-value=1", &Decodes<ChargingVector, &DecodeChargingVector>},
    {"Contact", "<sip:a@h>;expires=1", &Decodes<Contact, &DecodeContact>},
    {"ContentType", "a/b;c=d", &Decodes<ContentType, &DecodeContentType>},
    {"Date", "Sat, 13 Nov 2010 23:29:00 GMT", &Decodes<int64_t, &DecodeDate>},
    {"Digest", "Digest a=b", &DecodesLent<Digest, &DecodeDigest>},
    {"Event", "reg;id=1", &Decodes<Event, &DecodeEvent>},
    {"FeatureCaps", "*;+a", &Decodes<FeatureCaps, &DecodeFeatureCaps>},
    {"Geolocation", "<cid:a@h>", &Decodes<Geolocation, &DecodeGeolocation>},
    {"Identity", "<sip:a@h>", &Decodes<Identity, &DecodeIdentity>},
    {"MinSe", "90", &Decodes<uint32_t, &DecodeMinSe>},
    {"Privacy", "id", &Decodes<Privacy, &DecodePrivacy>},
    {"RAck", "1 1 INVITE", &Decodes<RAck, &DecodeRAck>},
    {"Reason", "SIP;cause=200", &Decodes<Reason, &DecodeReason>},
    {"Replaces", "a;to-tag=1;from-tag=2", &Decodes<Replaces, &DecodeReplaces>},
    {"RetryAfter", "1", &Decodes<RetryAfter, &DecodeRetryAfter>},
    {"Security", "ipsec-3gpp;alg=null;spi-c=256;spi-s=257;port-c=1;port-s=2", &ReadsAgreement},
    {"SessionExpires", "90", &Decodes<SessionExpires, &DecodeSessionExpires>},
    {"SubscriptionState", "active", &Decodes<SubscriptionState, &DecodeSubscriptionState>},
    {"Via", "SIP/2.0/UDP h;branch=1", &DecodesLent<Via, &DecodeVia>},
    {"VisitedNetwork", "\"a\";b=c", &Decodes<VisitedNetwork, &DecodeVisitedNetwork>},
    {"Warning", "399 h \"a\"", &Decodes<Warning, &DecodeWarning>},
    {"members", "a", &ReadsMembers},
    {"parameters", "a=b", &ReadsParams<';'>},
    {"parameters between commas", "a=b", &ReadsParams<','>},
    {"feature tags", ";+a=\"x,<b>\"", &ReadsFeatureTags},
    {"URI", "sip:a@h", &ReadsUri},
    {"tel URI", "tel:+1", &ReadsUri},
    {"escapes", "%41", &ReadsEscapes},
};

TEST(SipLinearTime, OfEveryReaderOfValues) {
  for (const Reader& reader : kReaders) {
    const GuardedText good(reader.good);
    EXPECT_TRUE(reader.read(good.padded())) << reader.name << ": " << reader.good;
    for (const Shape& shape : kValues) {
      for (const std::string_view begin : {std::string_view(), reader.good}) {
        const GuardedText few(std::string(begin) + shape.Make(kShort));
        const GuardedText many(std::string(begin) + shape.Make(kLong));
        ExpectLinear(
            std::string(reader.name) + " of " + std::string(begin) + " " + shape.name,
            [&] { reader.read(few.padded()); }, [&] { reader.read(many.padded()); });
      }
    }
  }
}

// --- Messages ------------------------------------------------------------------------------------

void Edit(const Message& message, HeaderId id) {
  if (!message.Has(id)) return;
  const auto match = [](std::string_view member, const void*) { return member.size() % 2 == 0; };
  const std::string_view value = message.Value(id);
  const auto slices = std::make_unique<Slices>();
  for (int kind = 0; kind < 5; ++kind) {
    const auto editor = std::make_unique<Editor>(message);
    if (kind == 0) editor->RemoveHeaders(id);
    if (kind == 1) editor->RemoveListMembers(id, match, nullptr);
    if (kind == 2) editor->RemoveFirstMember(id);
    if (kind == 3) editor->RemoveParams(value, ';', {"a", "tag", "b"});
    if (kind == 4) editor->SetParam(value, ';', "a", {"a=1"});
    editor->InsertLineAtBottom(id, {"X: 1\r\n"});
    static_cast<void>(editor->Finish(slices.get()));
  }
}

void ReadLists(const Message& message, HeaderId id) {
  ListReader reader(message, id);
  for (ListMember member; reader.Next(&member);) {
  }
  static_cast<void>(HasOptionTag(message, id, "x"));
  static_cast<void>(RequiresMore(message, id, {}));
  MethodSet methods;
  OptionSet options;
  Identities identities;
  ChargingAddresses addresses;
  const auto list = std::make_unique<SecurityList>();
  static_cast<void>(DecodeMethods(message, id, &methods));
  static_cast<void>(DecodeOptions(message, id, &options));
  static_cast<void>(DecodeIdentities(message, id, &identities));
  static_cast<void>(DecodeSecurity(message, id, list.get()));
  static_cast<void>(DecodeChargingAddresses(message, &addresses));
}

void Answer(const Message& message, HeaderId id) {
  static std::vector<char> out(1 << 18);
  Writer writer(out);
  const ResponseHead head = {.status = 420, .to_tag = "1", .unsupported_of = id};
  static_cast<void>(WriteResponse(message, head, "", &writer));
}

void Frames(std::string_view text, size_t feed_size) {
  constexpr FrameLimits kLimits = {kMessageSizeMax, kMessageSizeMax, kMessageSizeMax};
  static std::vector<char> storage(kMessageSizeMax + kPaddingSize);
  Framer framer(storage, kLimits);
  const PaddedView bytes = PaddedView::Promise(text);
  for (size_t at = 0; at < bytes.size(); at += feed_size) {
    framer.Feed(bytes.Part(at, std::min(feed_size, bytes.size() - at)));
    for (Frame frame = framer.Next(); frame.kind != FrameKind::kNeedMore; frame = framer.Next()) {
      if (frame.kind == FrameKind::kError) return;
    }
  }
}

// All that reads, edits or answers a message, on a short one and a long one.
void ExpectLinearMessages(const std::string& what, HeaderId id, const std::string& few,
                          const std::string& many) {
  const auto parsed_few = std::make_unique<Parsed>(few);
  const auto parsed_many = std::make_unique<Parsed>(many);
  const auto expect = [&](const char* work, const std::function<void(Parsed*)>& run) {
    ExpectLinear(
        what + ", " + work, [&] { run(parsed_few.get()); }, [&] { run(parsed_many.get()); });
  };
  expect("Parse", [](Parsed* parsed) {
    EXPECT_EQ(Parse(parsed->guarded.padded(), &parsed->message), parsed->error);
  });
  expect("frames", [](Parsed* parsed) { Frames(parsed->guarded.text(), kMessageSizeMax); });
  expect("frames of bytes", [](Parsed* parsed) { Frames(parsed->guarded.text(), 1); });
  expect("Validate", [](Parsed* parsed) { static_cast<void>(Validate(parsed->message)); });
  expect("lists", [id](Parsed* parsed) { ReadLists(parsed->message, id); });
  expect("edits", [id](Parsed* parsed) { Edit(parsed->message, id); });
  expect("answer", [id](Parsed* parsed) { Answer(parsed->message, id); });
}

TEST(SipLinearTime, OfMessagesWithALongValue) {
  for (const HeaderId id : {HeaderId::kVia, HeaderId::kContact, HeaderId::kRequire,
                            HeaderId::kSecurityClient, HeaderId::kContentLength}) {
    const std::string name(Name(id));
    for (const Shape& shape : kValues) {
      const auto message = [&](size_t size) {
        return RequestWith(name + ": " + shape.Make(size) + "\r\n", "REGISTER");
      };
      ExpectLinearMessages(name + " of " + shape.name, id, message(kShort), message(kLong));
    }
  }
}

constexpr Shape kMessages[] = {
    {"CRs", "", "\r", ""},
    {"line ends", "", "\r\n", ""},
    {"NULs", "", {"\0", 1}, ""},
    {"blanks", "", " ", ""},
    {"colons", "", ":", ""},
    {"a method", "", "A", ""},
    {"a URI", "A sip:", "a", " SIP/2.0\r\n\r\n"},
    {"a reason", "SIP/2.0 200 ", "a", "\r\n\r\n"},
    {"CRs in a value", "A a SIP/2.0\r\nA: ", "\r", "\r\n\r\n"},
    {"a name", "A a SIP/2.0\r\n", "A", ": a\r\n\r\n"},
    {"a name of colons", "A a SIP/2.0\r\n", ":", "\r\n\r\n"},
    {"blanks before the colon", "A a SIP/2.0\r\nA", " ", ": a\r\n\r\n"},
    {"one name again and again", "A a SIP/2.0\r\n", "Via: a\r\n", "\r\n"},
    {"96 of one name", "A a SIP/2.0\r\n", "v:\r\n", "\r\n"},
    {"lines without colon", "A a SIP/2.0\r\n", "A\r\n", "\r\n"},
    {"folds of a start line", "A a SIP/2.0", "\r\n ", "\r\n\r\n"},
    {"lines that end with LF", "A a SIP/2.0\n", "A: a\n", "\n"},
    {"sizes", "A a SIP/2.0\r\n", "l:1\r\n", "\r\n1"},
};

TEST(SipLinearTime, OfMessagesOfOneThing) {
  for (const Shape& shape : kMessages) {
    ExpectLinearMessages(std::string("a message of ") + shape.name, HeaderId::kVia,
                         shape.Make(kShort), shape.Make(kLong));
  }
}

// As many headers as a message may have, each as long as it may be.
TEST(SipLinearTime, OfAsManyHeadersAsThereMayBe) {
  for (const std::string_view name : {"Via: ", "Contact: ", "Content-Length: ", "Require: "}) {
    const auto message = [name](size_t size) {
      std::string lines;
      for (int line = 0; line < Message::kHeadersMax - 5; ++line) {
        lines += name;
        lines.append(size / Message::kHeadersMax - name.size(), '1');
        lines += "\r\n";
      }
      return RequestWith(lines, "REGISTER");
    };
    const std::string_view bare = name.substr(0, name.size() - 2);
    ExpectLinearMessages("headers of " + std::string(bare), LookUpHeader(bare), message(kShort),
                         message(kLong));
  }
}

// --- Verdicts ------------------------------------------------------------------------------------

struct Verdict {
  Shape lines;  // In front of the headers of a good REGISTER.
  ParseError parsed;
  ParseError validated;
};

constexpr Verdict kVerdicts[] = {
    {{"folds", "Subject:", "\r\n ", "x\r\n"},
     ParseError::kTooManyHeaders,
     ParseError::kMissingHeader},
    {{"commas", "Contact: ", ",", "\r\n"}, ParseError::kOk, ParseError::kOk},
    {{"quotes", "Contact: ", "\"", "\r\n"}, ParseError::kOk, ParseError::kBadAddress},
    {{"escapes", "Contact: \"", "\\\"", "\r\n"}, ParseError::kOk, ParseError::kBadAddress},
    {{"flags", "Contact: ", ";a", "\r\n"}, ParseError::kOk, ParseError::kBadAddress},
    {{"flags of an address", "Contact: <sip:a@h>", ";a", "\r\n"}, ParseError::kOk, ParseError::kOk},
    {{"brackets", "Contact: ", "<", "\r\n"}, ParseError::kOk, ParseError::kBadAddress},
    {{"open strings", "Contact: <sip:a@h>", ";a=\"", "\r\n"},
     ParseError::kOk,
     ParseError::kBadAddress},
    {{"contacts", "Contact: ", "<sip:a#@h>,", "\r\n"}, ParseError::kOk, ParseError::kOk},
    {{"a Via of commas", "Via: ", ",", "\r\n"}, ParseError::kOk, ParseError::kBadVia},
    {{"a Via of flags", "Via: SIP/2.0/UDP h", ";a", "\r\n"}, ParseError::kOk, ParseError::kOk},
    {{"a From of quotes", "f: ", "\"", "\r\n"}, ParseError::kOk, ParseError::kRepeatedHeader},
    {{"headers of one name", "", "k:\r\n", ""},
     ParseError::kTooManyHeaders,
     ParseError::kMissingHeader},
    {{"a name", "", "A", ":\r\n"}, ParseError::kOk, ParseError::kOk},
    {{"a known name and more", "Via", "a", ":\r\n"}, ParseError::kOk, ParseError::kOk},
    {{"no colon", "", "A", "\r\n"}, ParseError::kBadHeader, ParseError::kOk},
    {{"CRs", "", "\r", "\r\n"}, ParseError::kBadHeader, ParseError::kOk},
    {{"CRs in a value", "A: ", "\r", "\r\n"}, ParseError::kBadHeader, ParseError::kOk},
    {{"colons", "", ":", "\r\n"}, ParseError::kBadHeader, ParseError::kOk},
    {{"colons in a value", "A:", ":", "\r\n"}, ParseError::kOk, ParseError::kOk},
};

TEST(SipLinearTime, EveryLongMessageHasItsVerdict) {
  const std::string request = RequestWith("", "REGISTER");
  const size_t headers = request.find("Via");
  for (const Verdict& verdict : kVerdicts) {
    const std::string lines = verdict.lines.Make(kLong);
    const auto parsed = std::make_unique<Parsed>(std::string(request).insert(headers, lines));
    EXPECT_EQ(Name(parsed->error), Name(verdict.parsed)) << verdict.lines.name;
    EXPECT_EQ(Name(Validate(parsed->message)), Name(verdict.validated)) << verdict.lines.name;
  }
  const auto crs = std::make_unique<Parsed>(std::string(kLong, '\r'));
  EXPECT_EQ(crs->error, ParseError::kEmpty);
  const auto colons = std::make_unique<Parsed>(std::string(kLong, ':'));
  EXPECT_EQ(colons->error, ParseError::kBadStartLine);
}

TEST(SipLinearTime, AListMayHaveAnyNumberOfMembers) {
  const std::string contacts = Shape{"", "Contact: ", "<sip:a@h>,", "<sip:a@h>\r\n"}.Make(kLong);
  const auto parsed = std::make_unique<Parsed>(RequestWith(contacts));
  ASSERT_EQ(parsed->error, ParseError::kOk);
  ListReader reader(parsed->message, HeaderId::kContact);
  ptrdiff_t count = 0;
  for (ListMember member; reader.Next(&member);) ++count;
  EXPECT_EQ(count, std::count(contacts.begin(), contacts.end(), '@'));
}

TEST(SipLinearTime, AgreementsAndChallengesHaveLimits) {
  const auto list = std::make_unique<SecurityList>();
  const std::string mechanisms = Shape{"", "", "a#,", "a"}.Make(kLong);
  EXPECT_EQ(DecodeSecurity(mechanisms, list.get()), ParseError::kBadSecurityHeader);
  const std::string params = Shape{"", "a", ";a#=b", ""}.Make(kLong);
  EXPECT_EQ(DecodeSecurity(params, list.get()), ParseError::kBadSecurityHeader);
  Digest digest;
  const std::string challenge = Shape{"", "Digest ", "a#=b,", "a=b"}.Make(kLong);
  EXPECT_EQ(DecodeDigest(challenge, &digest), ParseError::kBadDigest);
}

}  // namespace
}  // namespace sip
