#include <gtest/gtest.h>

#include <string>

#include "edge/branch_cookie.h"
#include "tests/edge_world.h"

namespace edge {
namespace {

constexpr std::string_view kVia = "z9hG4bK-ue-1";
constexpr std::string_view kCallId = "4f2c@198.51.100.77";
constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

class EdgeBranchCookie : public testing::Test {
 protected:
  std::string Seal(const BranchCookie& cookie, std::string_view via = kVia,
                   std::string_view call_id = kCallId) const {
    CookieJar::Branch buffer;
    return std::string(jar_.Seal(cookie, via, call_id, &buffer));
  }
  bool Opens(std::string_view branch, std::string_view via = kVia,
             std::string_view call_id = kCallId) const {
    BranchCookie cookie;
    return jar_.Open(branch, via, call_id, &cookie);
  }
  std::string SealDetails(const CookieDetails& details, std::string_view branch = kVia) const {
    CookieJar::Branch buffer;
    return std::string(jar_.SealDetails(details, branch, &buffer));
  }
  bool OpensDetails(std::string_view text, std::string_view branch = kVia) const {
    CookieJar::Plain plain;
    CookieDetails details;
    return jar_.OpenDetails(text, branch, &plain, &details);
  }
  std::string RoundTrip(const CookieDetails& sealed) const {
    CookieJar::Plain plain;
    CookieDetails details;
    if (!jar_.OpenDetails(SealDetails(sealed), kVia, &plain, &details)) return "not opened";
    return std::to_string(details.called_identity) + " " + std::to_string(details.via_count) +
           " [" + std::string(details.icid) + "] [" + std::string(details.orig_ioi) + "]";
  }
  // What Open makes of what Seal made, as text.
  std::string RoundTrip(const BranchCookie& sealed) const {
    BranchCookie cookie;
    if (!jar_.Open(Seal(sealed), kVia, kCallId, &cookie)) return "not opened";
    return Shown(cookie);
  }
  static std::string Shown(const BranchCookie& cookie) {
    const std::string phone = std::to_string(cookie.phone);
    if (cookie.kind == BranchCookie::Kind::kToPhone) return "set " + phone;
    if (cookie.kind == BranchCookie::Kind::kToPhoneInClear) {
      return "phone " + phone + " " + TextOf(cookie.peer);
    }
    const bool in_clear = cookie.kind == BranchCookie::Kind::kToCoreInClear;
    return (in_clear ? "phone " + phone + " " : "") + TextOf(cookie.peer);
  }

  static BranchCookie ToPhone(uint64_t set) {
    BranchCookie cookie;
    cookie.kind = BranchCookie::Kind::kToPhone;
    cookie.phone = set;
    return cookie;
  }
  static BranchCookie ToCore(std::string_view core) {
    BranchCookie cookie;
    cookie.kind = BranchCookie::Kind::kToCore;
    cookie.peer = At(core);
    return cookie;
  }
  static CookieDetails Details(std::string_view icid = "AA17", std::string_view orig_ioi = "") {
    return {.called_identity = 3, .via_count = 2, .icid = icid, .orig_ioi = orig_ioi};
  }

  CountingRandom random_;
  KeyedHash lasting_{&random_};
  CookieJar jar_{lasting_, &random_};
};

TEST_F(EdgeBranchCookie, ASetComesBack) {
  for (const uint64_t set : {uint64_t{1}, uint64_t{0x1234567800000009}, UINT64_MAX}) {
    EXPECT_EQ(RoundTrip(ToPhone(set)), "set " + std::to_string(set));
  }
}

TEST_F(EdgeBranchCookie, TheWayToTheCoreComesBack) {
  for (const char* core : {"10.0.0.30:6060", "[2001:db8::30]:6060", "10.0.0.30:65535"}) {
    EXPECT_EQ(RoundTrip(ToCore(core)), core);
  }
}

TEST_F(EdgeBranchCookie, DetailsComeBack) {
  EXPECT_EQ(RoundTrip(Details("AA17", "\"ims.example.net\"")), "3 2 [AA17] [\"ims.example.net\"]");
  EXPECT_EQ(RoundTrip(Details()), "3 2 [AA17] []");
  EXPECT_EQ(RoundTrip(CookieDetails()), "255 0 [] []");
}

TEST_F(EdgeBranchCookie, WhoIsInClearComesBackBothWays) {
  for (const char* peer : {"198.51.100.77:5060", "[2001:db8::77]:65535"}) {
    BranchCookie cookie = ToPhone(0x1234567800000009);
    cookie.kind = BranchCookie::Kind::kToPhoneInClear;
    cookie.peer = At(peer);
    EXPECT_EQ(RoundTrip(cookie), "phone 1311768464867721225 " + std::string(peer));
    cookie = ToCore(peer);
    cookie.kind = BranchCookie::Kind::kToCoreInClear;
    cookie.phone = 9;
    EXPECT_EQ(RoundTrip(cookie), "phone 9 " + std::string(peer));
  }
}

TEST_F(EdgeBranchCookie, TheTransportAndThePortComeBack) {
  for (const Transport transport : {Transport::kUdp, Transport::kTcp}) {
    for (BranchCookie sealed : {ToPhone(7), ToCore("10.0.0.30:6060")}) {
      sealed.transport = transport;
      sealed.port = sealed.kind == BranchCookie::Kind::kToPhone ? PortIndex{513} : PortIndex{0};
      BranchCookie opened;
      ASSERT_TRUE(jar_.Open(Seal(sealed), kVia, kCallId, &opened));
      EXPECT_EQ(opened.transport, transport);
      EXPECT_EQ(opened.port, sealed.port);
    }
  }
}

// What names a set or a binding by its number would name another one there.
TEST_F(EdgeBranchCookie, AnotherProcessWithTheJournalOpensWhatNamesTheCoreAlone) {
  const CookieJar next(lasting_, &random_);
  const CookieJar stranger(KeyedHash(&random_), &random_);
  const auto opens = [](const CookieJar& jar, std::string_view branch) {
    BranchCookie cookie;
    return jar.Open(branch, kVia, kCallId, &cookie) ? Shown(cookie) : "not opened";
  };
  BranchCookie cookie = ToCore("10.0.0.30:6060");
  EXPECT_EQ(opens(next, Seal(cookie)), "10.0.0.30:6060");
  EXPECT_EQ(opens(stranger, Seal(cookie)), "not opened");
  CookieJar::Branch buffer;
  EXPECT_EQ(next.Seal(cookie, kVia, kCallId, &buffer), Seal(cookie));
  cookie.kind = BranchCookie::Kind::kToCoreInClear;
  EXPECT_EQ(opens(next, Seal(cookie)), "not opened");
  EXPECT_EQ(opens(next, Seal(ToPhone(7))), "not opened");
  CookieJar::Plain plain;
  CookieDetails details;
  EXPECT_TRUE(next.OpenDetails(SealDetails(Details()), kVia, &plain, &details));
}

TEST_F(EdgeBranchCookie, TheSameTransactionGivesTheSameBranch) {  // RFC 3261 16.11.
  const BranchCookie cookie = ToCore("10.0.0.30:6060");
  EXPECT_EQ(Seal(cookie), Seal(cookie));
  EXPECT_NE(Seal(cookie), Seal(cookie, "z9hG4bK-ue-2"));
  EXPECT_NE(Seal(cookie), Seal(cookie, kVia, "another@198.51.100.77"));
  EXPECT_NE(Seal(cookie), Seal(ToCore("10.0.0.30:6061")));
}

TEST_F(EdgeBranchCookie, ItIsABranchThatAnyPeerTakes) {
  for (const BranchCookie& cookie :
       {ToPhone(7), ToCore("10.0.0.30:6060"), ToCore("[2001:db8::30]:6060")}) {
    const std::string branch = Seal(cookie);
    EXPECT_TRUE(branch.starts_with("z9hG4bK"));
    EXPECT_EQ(branch.find_first_not_of(kBase64), branch.npos) << branch;
    EXPECT_LT(branch.size(), CookieJar::kBranchSizeMax);
  }
}

TEST_F(EdgeBranchCookie, DetailsAreATokenThatFits) {
  const std::string text(CookieDetails::kTextSizeMax, 'i');
  const std::string details = SealDetails(Details(text, text));
  EXPECT_EQ(details.find_first_not_of(kBase64), details.npos) << details;
  EXPECT_LT(details.size(), CookieJar::kBranchSizeMax);
}

TEST_F(EdgeBranchCookie, AnyChangedCharacterOfDetailsIsFound) {
  const std::string details = SealDetails(Details());
  for (size_t at = 0; at < details.size(); ++at) {
    for (int c = 0; c < 256; ++c) {
      std::string other = details;
      other[at] = static_cast<char>(c);
      EXPECT_EQ(OpensDetails(other), other == details) << at << " " << c;
    }
  }
  for (size_t size = 0; size < details.size(); ++size) {
    EXPECT_FALSE(OpensDetails(details.substr(0, size))) << size;
  }
}

TEST_F(EdgeBranchCookie, DetailsAreGoodBesideTheirBranchOnly) {
  const std::string details = SealDetails(Details());
  EXPECT_TRUE(OpensDetails(details));
  EXPECT_FALSE(OpensDetails(details, "z9hG4bK-ue-2"));
  // Nor is the one taken for the other.
  EXPECT_FALSE(Opens("z9hG4bK" + details));
  EXPECT_FALSE(OpensDetails(Seal(ToPhone(7)).substr(7)));
}

TEST_F(EdgeBranchCookie, AnyChangedCharacterIsFound) {
  for (const BranchCookie& cookie : {ToPhone(7), ToCore("10.0.0.30:6060")}) {
    const std::string branch = Seal(cookie);
    for (size_t at = 0; at < branch.size(); ++at) {
      for (int bit = 0; bit < 8; ++bit) {
        std::string flipped = branch;
        flipped[at] = static_cast<char>(flipped[at] ^ (1 << bit));
        EXPECT_FALSE(Opens(flipped)) << at << " bit " << bit;
      }
      for (const char c : kBase64) {  // Every other value of these six bits.
        std::string other = branch;
        other[at] = c;
        EXPECT_EQ(Opens(other), c == branch[at]) << at << " " << c;
      }
    }
  }
}

TEST_F(EdgeBranchCookie, EveryCharacterHasOneSpelling) {
  for (uint64_t set = 1; set <= 50; ++set) {  // Until each character of the alphabet has occurred.
    const std::string branch = Seal(ToPhone(set));
    for (size_t at = 0; at < branch.size(); ++at) {
      for (int c = 0; c < 256; ++c) {
        std::string other = branch;
        other[at] = static_cast<char>(c);
        EXPECT_EQ(Opens(other), other == branch) << at << " " << c;
      }
    }
  }
}

TEST_F(EdgeBranchCookie, AShorterOrLongerOneIsRefused) {
  const std::string branch = Seal(ToCore("10.0.0.30:6060"));
  for (size_t size = 0; size < branch.size(); ++size) {
    EXPECT_FALSE(Opens(branch.substr(0, size))) << size;
  }
  for (size_t more = 1; more <= 600; ++more) {
    EXPECT_FALSE(Opens(branch + std::string(more, 'A'))) << more;
  }
  EXPECT_FALSE(Opens(branch + "="));
}

TEST_F(EdgeBranchCookie, ItIsGoodForItsOwnTransactionOnly) {
  const std::string branch = Seal(ToPhone(7));
  EXPECT_TRUE(Opens(branch));
  EXPECT_FALSE(Opens(branch, "z9hG4bK-ue-2"));
  EXPECT_FALSE(Opens(branch, kVia, "another@198.51.100.77"));
  EXPECT_FALSE(Opens(branch, "", kCallId));
  EXPECT_FALSE(Opens(branch, kCallId, kVia));
  EXPECT_FALSE(Opens(branch, std::string(kVia) + "4", kCallId.substr(1)));
}

TEST_F(EdgeBranchCookie, GarbageIsRefused) {
  for (const std::string& branch :
       {std::string(), std::string("z9hG4bK"), std::string("z9hG4bKAAAA"), std::string("x"),
        std::string("z9hG4bK-ue-1"), "z9hG4bK" + std::string(400, 'A'), std::string(400, '\0'),
        "z9hG4bK" + std::string(16, '\xff'), Seal(ToPhone(7)).substr(7),
        "Z9HG4BK" + Seal(ToPhone(7)).substr(7)}) {
    EXPECT_FALSE(Opens(branch)) << branch;
  }
}

TEST_F(EdgeBranchCookie, ATextThatIsTooLongIsLeftOut) {
  const std::string fits(CookieDetails::kTextSizeMax, 'i');
  EXPECT_EQ(RoundTrip(Details(fits, fits)), "3 2 [" + fits + "] [" + fits + "]");
  EXPECT_EQ(RoundTrip(Details(fits + "i", "home")), "3 2 [] [home]");
  EXPECT_EQ(RoundTrip(Details("AA17", fits + "i")), "3 2 [AA17] []");
}

std::string FromBase64(std::string_view text) {
  std::string bytes;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    bits = bits << 6 | static_cast<uint32_t>(kBase64.find(c));
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> count);
  }
  return bytes;
}

TEST_F(EdgeBranchCookie, AChargingIdIsNotReadableInIt) {  // It goes to the phone.
  const std::string icid = "AA17-charging-identifier";
  const std::string details = SealDetails(Details(icid));
  EXPECT_EQ(details.find(icid), details.npos);
  const std::string bytes = FromBase64(details);
  ASSERT_GT(bytes.size(), icid.size());
  for (size_t i = 0; i + 4 <= icid.size(); ++i) {
    EXPECT_EQ(bytes.find(icid.substr(i, 4)), bytes.npos) << i;
  }
}

// One key stream used twice would show the difference of two texts.
TEST_F(EdgeBranchCookie, TwoCookiesShareNoKeyStream) {
  const std::string a = FromBase64(SealDetails(Details("AAAAAAAAAAAAAAAA")));
  const std::string b = FromBase64(SealDetails(Details("AAAAAAAAAAAAAAAB")));
  ASSERT_EQ(a.size(), b.size());
  int same = 0;
  for (size_t i = 0; i < a.size(); ++i) same += a[i] == b[i];
  EXPECT_LT(same, 5);
}

}  // namespace
}  // namespace edge
