#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/sip_fixture.h"
#include "tools/sip_explain.h"
#include "tools/sip_report.h"
#include "tools/sip_report_fields.h"
#include "tools/sip_report_text.h"

namespace tools {
namespace {

using gmedge_test::GuardedText;
using gmedge_test::ReadData;
using gmedge_test::RequestWith;
using testing::HasSubstr;
using testing::Not;

Json Report(std::string_view text, const ReportOptions& options = {}) {
  return ReportOn(GuardedText(text).padded(), options);
}

// --- RFC 4475 ------------------------------------------------------------------------------------

struct Verdict {
  const char* file;
  const char* rule;  // "" is valid.
  int line = 0;
  int column = 0;
  int status = 0;
};

// Where each is wrong, in the order of the RFC.
constexpr Verdict kVerdicts[] = {
    {"wsinv", ""},
    {"intmeth", ""},
    {"esc01", ""},
    {"semiuri", ""},
    {"transports", ""},
    {"unreason", ""},
    {"noreason", ""},
    {"badinv01", "BadVia", 7, 6, 400},
    {"clerr", "TruncatedBody", 10, 17, 400},
    {"ncl", "BadContentLength", 10, 17, 400},
    {"scalar02", "BadCSeq", 5, 7, 400},
    {"ltgtruri", "BadRequestUri", 1, 8, 400},
    {"lwsstart", "BadStartLine", 1, 8, 400},
    {"trws", "BadStartLine", 1, 39, 400},
    {"escruri", "BadRequestUri", 1, 29, 400},
    {"baddate", ""},
    {"regbadct", "BadAddress", 8, 10, 400},
    {"badaspec", "BadAddress", 5, 5, 400},
    {"baddn", "NoEmptyLine", 10, 1, 400},
    {"badvers", "BadVersion", 1, 34, 505},
    {"mismatch01", "MethodMismatch", 6, 9, 400},
    {"mismatch02", "MethodMismatch", 6, 9, 400},
    {"bigcode", "BadStatusCode", 1, 9, 0},  // A response is not answered.
    {"unkscm", "UnsupportedScheme", 1, 9, 416},
    {"novelsc", "UnsupportedScheme", 1, 9, 416},
    {"unksm2", ""},
    {"bext01", ""},
    {"invut", ""},
    {"regaut01", ""},
    {"multi01", "RepeatedHeader", 12, 1, 400},
    {"zeromf", ""},
    {"cparam01", ""},
    {"sdp01", ""},
    {"inv2543", ""},
    {"test", "BadStartLine", 1, 27, 400},
};

class Torture : public testing::TestWithParam<Verdict> {};

TEST_P(Torture, SaysWhatIsWrongWhere) {
  const Verdict& verdict = GetParam();
  const Json report = Report(ReadData(std::string("torture/rfc4475/") + verdict.file + ".dat"));
  if (*verdict.rule == '\0') {
    EXPECT_EQ(report["verdict"], "valid") << report.dump(2);
    EXPECT_FALSE(report.contains("error"));
    return;
  }
  EXPECT_EQ(report["verdict"], "invalid");
  const Json& error = report["error"];
  EXPECT_EQ(error["rule"], verdict.rule);
  EXPECT_EQ(error["line"], verdict.line);
  EXPECT_EQ(error["column"], verdict.column);
  EXPECT_EQ(error.value("status", 0), verdict.status);
  EXPECT_THAT(VerdictText(report), HasSubstr("\ninvalid: " + std::string(verdict.rule) +
                                             " at line " + std::to_string(verdict.line) +
                                             ", column " + std::to_string(verdict.column) + ": "));
}

INSTANTIATE_TEST_SUITE_P(Rfc4475, Torture, testing::ValuesIn(kVerdicts),
                         [](const testing::TestParamInfo<Verdict>& verdict) {
                           return std::string(verdict.param.file);
                         });

TEST(SipReport, EveryTortureMessageHasAVerdict) {
  size_t files = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(GMEDGE_SOURCE_DIR "/tests/data/torture/rfc4475")) {
    if (entry.is_regular_file()) ++files;
  }
  EXPECT_EQ(files, std::size(kVerdicts));
}

// --- Golden outputs ------------------------------------------------------------------------------

struct Golden {
  const char* name;
  const char* message;
};

// tests/data/sip_dump/<name>.txt and .json are what becomes of a message.
constexpr Golden kGoldens[] = {
    {"register", "messages/a-register.sip"},
    {"challenge", "messages/b-401.sip"},
    {"invite", "messages/c-invite.sip"},
    {"ok", "messages/d-200-register.sip"},
    {"faults", "sip_dump/faults.sip"},
    {"keys", "sip_dump/keys.sip"},
    {"control", "sip_dump/control.sip"},
    {"lf", "sip_dump/lf.sip"},
    {"badinv01", "torture/rfc4475/badinv01.dat"},
    {"wsinv", "torture/rfc4475/wsinv.dat"},
    {"intmeth", "torture/rfc4475/intmeth.dat"},
};

// What differs is left in the build's folder, to look at and to copy over.
void ExpectGolden(const std::string& file, const std::string& text) {
  const std::string expected = ReadData("sip_dump/" + file);
  EXPECT_EQ(text, expected);
  if (text == expected) return;
  std::ofstream(testing::TempDir() + "/" + file, std::ios::binary) << text;
}

class GoldenReport : public testing::TestWithParam<Golden> {};

TEST_P(GoldenReport, IsAsInItsFile) {
  const Json report = Report(ReadData(GetParam().message));
  const std::string name = GetParam().name;
  ExpectGolden(name + ".txt", ReportText(report));
  ExpectGolden(name + ".json", report.dump(2) + "\n");
}

INSTANTIATE_TEST_SUITE_P(SipReport, GoldenReport, testing::ValuesIn(kGoldens),
                         [](const testing::TestParamInfo<Golden>& golden) {
                           return std::string(golden.param.name);
                         });

// --- Keys and control characters -----------------------------------------------------------------

TEST(SipReport, HidesKeysUnlessAsked) {
  const std::string text = ReadData("sip_dump/keys.sip");
  const Json hidden = Report(text);
  for (const std::string& out : {hidden.dump(), ReportText(hidden), VerdictText(hidden)}) {
    EXPECT_THAT(out, Not(HasSubstr("001122")));
    EXPECT_THAT(out, Not(HasSubstr("ffeedd")));
  }
  // The caret stands in the line of a key, too.
  EXPECT_EQ(hidden["error"]["text"], "Content-Length: ck=(hidden)");
  EXPECT_THAT(ReportText(hidden), HasSubstr("ik                  (hidden)\n"));

  const Json shown = Report(text, {.reveal_keys = true});
  EXPECT_THAT(shown.dump(), HasSubstr("00112233445566778899aabbccddeeff"));
  EXPECT_THAT(ReportText(shown), HasSubstr("ffeeddccbbaa99887766554433221100"));
  EXPECT_THAT(ReportText(shown), Not(HasSubstr("(hidden)")));
}

TEST(SipReport, NothingActsOnTheTerminal) {
  for (const Golden& golden : kGoldens) {
    const Json report = Report(ReadData(golden.message));
    for (const std::string& out : {report.dump(), ReportText(report)}) {
      for (const char c : out) {
        EXPECT_TRUE(c == '\n' || (static_cast<uint8_t>(c) >= 0x20 && c != 0x7f)) << golden.name;
      }
      EXPECT_THAT(out, Not(HasSubstr("\xc2\x9b")));
    }
  }
}

// --- Single facts --------------------------------------------------------------------------------

TEST(SipReport, OfAFaultyStreamThePlaceIsContentLength) {
  Json report =
      Report(RequestWith("l: 1\r\nl: 2\r\n"), {.fault = sip::FrameError::kUnequalContentLength});
  EXPECT_EQ(report["error"]["rule"], "UnequalContentLength");
  EXPECT_EQ(report["error"]["line"], 8);
  EXPECT_EQ(report["error"]["column"], 4);
  report = Report(RequestWith(""), {.fault = sip::FrameError::kNoContentLength});
  EXPECT_EQ(report["error"]["rule"], "NoContentLength");
  EXPECT_EQ(report["error"]["line"], 7);
}

TEST(SipReport, DoesNotJudgeWhatIsIncomplete) {
  const Json report = Report(RequestWith("").substr(0, 100), {.is_incomplete = true});
  EXPECT_EQ(report["verdict"], "incomplete");
  EXPECT_FALSE(report.contains("error"));
}

TEST(SipReport, CountsLinesFromTheFilesFirst) {
  const Json report = Report(
      "\r\n\r\nOPTIONS sip:a SIP/2.0\r\nVia: x\r\nFrom: a\r\nTo: a\r\nCall-ID: 1\r\nCSeq: 1 "
      "OPTIONS\r\nPath: ,;\r\n\r\n",
      {.first_line = 100});
  EXPECT_EQ(report["error"]["rule"], "BadVia");
  EXPECT_EQ(report["error"]["line"], 103);
  EXPECT_THAT(report["notes"].dump(), HasSubstr("BadAddress in Path, line 108, column 8"));
}

// None of a proxy's business, but what is looked for.
TEST(SipReport, NotesBadValuesOfOtherHeaders) {
  const Json report = Report(RequestWith(
      "Session-Expires: soon\r\nPrivacy: none;id\r\nContact: <sip:a>;q=2, <sip:b>\r\nRSeq: x\r\n"
      "Reason: SIP;cause=200, Q.850;cause=x\r\nP-Access-Network-Info: "
      "3GPP-NR;utran-cell-id-3gpp\r\n"
      "P-Asserted-Identity: <urn:x:y>\r\n"));
  EXPECT_EQ(report["verdict"], "valid");
  const std::string notes = report["notes"].dump();
  for (const char* place :
       {"Session-Expires, line 7, column 18", "Privacy, line 8, column 10",
        "Contact, line 9, column 10", "RSeq, line 10, column 7", "Reason, line 11, column 24",
        "P-Access-Network-Info, line 12, column 24", "P-Asserted-Identity, line 13, column 22"}) {
    EXPECT_THAT(notes, HasSubstr("BadHeaderValue in " + std::string(place)));
  }
  EXPECT_EQ(report["notes"].size(), 7U);
}

TEST(SipReport, OfNothing) {
  EXPECT_EQ(Report("")["error"]["rule"], "Empty");
  EXPECT_EQ(Report("\r\n\r\n")["error"]["rule"], "Empty");
  EXPECT_EQ(Report(std::string(65536, 'x'))["error"]["rule"], "TooLarge");
  EXPECT_THAT(ReportText(Report("")), HasSubstr("invalid: Empty at line 1, column 1"));
}

TEST(SipReport, KeysAreNamesInSnakeCase) {
  EXPECT_EQ(KeyOf(sip::HeaderId::kCallId), "call_id");
  EXPECT_EQ(KeyOf(sip::HeaderId::kWwwAuthenticate), "www_authenticate");
  EXPECT_EQ(KeyOf(sip::HeaderId::kCSeq), "cseq");
}

TEST(SipReport, EveryRuleIsExplained) {
  for (int i = 0; i <= static_cast<int>(sip::ParseError::kBadHeaderValue); ++i) {
    EXPECT_NE(Explain(static_cast<sip::ParseError>(i)), "") << i;
  }
  for (int i = 0; i <= static_cast<int>(sip::FrameError::kUnequalContentLength); ++i) {
    EXPECT_NE(Explain(static_cast<sip::FrameError>(i)), "") << i;
  }
  EXPECT_EQ(Explain(sip::MechanismFault::kNone), "");
  for (int i = 1; i <= static_cast<int>(sip::MechanismFault::kMediasec); ++i) {
    EXPECT_NE(Explain(static_cast<sip::MechanismFault>(i)), "") << i;
  }
}

}  // namespace
}  // namespace tools
