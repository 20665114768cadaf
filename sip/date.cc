#include "sip/date.h"

#include <algorithm>
#include <chrono>
#include <iterator>

#include "sip/chars.h"
#include "sip/list.h"

namespace sip {
namespace {

// In the order of std::chrono: Sunday is 0, January is 1.
constexpr std::string_view kWeekdays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::string_view kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

//  Sat, 13 Nov 2010 23:29:00 GMT
//  0  3 5  8   12   17 20 23 26
constexpr std::string_view kForm = "www, dd mmm dddd dd:dd:dd GMT";

// The digits at [begin, begin + size) of a text that has the form.
int Number(std::string_view text, size_t begin, size_t size) {
  int number = 0;
  for (const char c : text.substr(begin, size)) number = number * 10 + (c - '0');
  return number;
}

template <size_t kSize>
size_t IndexOf(const std::string_view (&words)[kSize], std::string_view text) {
  size_t index = 0;
  while (index < kSize && !EqualsIgnoreCase(words[index], text)) ++index;
  return index;
}

bool HasForm(std::string_view text) {
  if (text.size() != kForm.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    switch (kForm[i]) {
      case 'd':
        if (!Is(text[i], kDigitChar)) return false;
        break;
      case 'w':
      case 'm':
        break;  // IndexOf() reads the names.
      default:
        if (ToLower(text[i]) != ToLower(kForm[i])) return false;
    }
  }
  return true;
}

}  // namespace

// SIP-date = rfc1123-date = wkday "," SP date1 SP time SP "GMT"
// date1 = 2DIGIT SP month SP 4DIGIT; time = 2DIGIT ":" 2DIGIT ":" 2DIGIT, up to 23:59:59
ParseError DecodeDate(std::string_view value, int64_t* seconds) {
  *seconds = 0;
  const std::string_view text = Trim(value);
  if (!HasForm(text)) return ParseError::kBadHeaderValue;
  const size_t weekday = IndexOf(kWeekdays, text.substr(0, 3));
  const size_t month = IndexOf(kMonths, text.substr(8, 3));
  const int hour = Number(text, 17, 2);
  const int minute = Number(text, 20, 2);
  const int second = Number(text, 23, 2);
  if (month == std::size(kMonths) || hour > 23 || minute > 59 || second > 59) {
    return ParseError::kBadHeaderValue;
  }
  const std::chrono::year_month_day date{
      std::chrono::year{Number(text, 12, 4)}, std::chrono::month{static_cast<unsigned>(month) + 1},
      std::chrono::day{static_cast<unsigned>(Number(text, 5, 2))}};
  if (!date.ok()) return ParseError::kBadHeaderValue;
  const std::chrono::sys_days days{date};
  if (weekday != std::chrono::weekday{days}.c_encoding()) return ParseError::kBadHeaderValue;
  const int64_t midnight = int64_t{days.time_since_epoch().count()} * 86400;
  *seconds = midnight + hour * 3600 + minute * 60 + second;
  return ParseError::kOk;
}

}  // namespace sip
