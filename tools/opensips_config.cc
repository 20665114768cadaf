#include "tools/opensips_config.h"

#include <algorithm>

namespace tools {
namespace {

using Kind = OpensipsStatement::Kind;

bool IsBlank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool IsWord(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

std::string Trimmed(std::string_view text) {
  while (!text.empty() && IsBlank(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsBlank(text.back())) text.remove_suffix(1);
  return std::string(text);
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  std::vector<OpensipsStatement> Read() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"' || c == '\'') {
        ReadString(nullptr);
      } else if (c == '$') {
        ReadVariable();
      } else if (IsWord(c)) {
        ReadStatement();
      } else if (!SkipComment()) {
        Step();
      }
    }
    return std::move(statements_);
  }

 private:
  char Peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void Step() {
    if (text_[at_++] == '\n') ++line_;
  }
  void Add(Kind kind, uint32_t line, std::vector<OpensipsArgument> arguments) {
    statements_.push_back({kind, line, std::move(arguments)});
  }

  // False: there is none here.
  bool SkipComment() {
    const std::string_view rest = text_.substr(at_);
    size_t end = 0;
    if (rest.starts_with('#')) {
      end = std::min(rest.find('\n'), rest.size());
    } else if (rest.starts_with("/*")) {
      const size_t close = rest.find("*/", 2);
      end = close == rest.npos ? rest.size() : close + 2;
    } else {
      return false;
    }
    for (const size_t stop = at_ + end; at_ < stop;) Step();
    return true;
  }
  void SkipBlanks(bool over_lines) {
    while (at_ < text_.size()) {
      if (IsBlank(Peek()) && (over_lines || Peek() != '\n')) {
        Step();
      } else if (!over_lines || !SkipComment()) {
        return;
      }
    }
  }
  std::string_view ReadWord() {
    const size_t begin = at_;
    while (at_ < text_.size() && IsWord(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }

  // False: it does not end. What it says of our variables is noted.
  bool ReadString(std::string* value) {
    const char quote = text_[at_];
    Step();
    while (at_ < text_.size()) {
      char c = text_[at_];
      if (c == quote) {
        Step();
        return true;
      }
      if (c == '$') {
        const size_t begin = at_;
        ReadVariable();
        if (value != nullptr) value->append(text_.substr(begin, at_ - begin));
        continue;
      }
      if (c == '\\' && at_ + 1 < text_.size()) {
        Step();
        c = text_[at_];
        if (value != nullptr && c != quote && c != '\\') *value += '\\';
      }
      if (value != nullptr) *value += c;
      Step();
    }
    return false;
  }

  // A field name ends before anything that could end the string it stands in.
  void ReadVariable() {
    const size_t begin = at_++;
    const std::string_view name = ReadWord();
    if ((name != "ipsec" && name != "ipsec_ue") || Peek() != '(') return;
    const size_t end = text_.find_first_of(")\"'\n", at_);
    if (end == text_.npos || text_[end] != ')') return;
    at_ = end + 1;
    Add(Kind::kVariable, line_, {{false, std::string(text_.substr(begin, at_ - begin))}});
  }

  void ReadStatement() {
    const uint32_t line = line_;
    const std::string_view word = ReadWord();
    const bool is_socket = word == "socket" || word == "listen";
    const bool is_param = word == "modparam" || word == "param";
    if (!is_socket && !is_param && word != "ipsec_create") return;
    SkipBlanks(!is_socket);
    if (Peek() != (is_socket ? '=' : '(')) return;
    Step();
    if (is_socket) return ReadSocket(line);
    // Read before it is moved in, since strings in it may have variables.
    std::vector<OpensipsArgument> arguments;
    if (!ReadArguments(&arguments)) return Add(Kind::kBroken, line, {{false, std::string(word)}});
    Add(is_param ? Kind::kParam : Kind::kCreate, line, std::move(arguments));
  }

  void ReadSocket(uint32_t line) {
    SkipBlanks(false);
    const size_t end = std::min(text_.find_first_of("\n#", at_), text_.size());
    std::string value = Trimmed(text_.substr(at_, end - at_));
    at_ = end;
    Add(Kind::kSocket, line, {{false, std::move(value)}});
  }

  // From behind the '(' to behind its ')'.
  bool ReadArguments(std::vector<OpensipsArgument>* arguments) {
    OpensipsArgument argument;
    const auto finish = [&] {
      if (!argument.is_string) argument.text = Trimmed(argument.text);
      arguments->push_back(std::move(argument));
      argument = {};
    };
    for (int depth = 0; at_ < text_.size();) {
      const char c = text_[at_];
      if (SkipComment()) continue;
      if (c == '"' || c == '\'') {
        argument.is_string = Trimmed(argument.text).empty();
        if (argument.is_string) argument.text.clear();
        if (!ReadString(&argument.text)) return false;
        continue;
      }
      Step();
      if (c == ')' && depth == 0) {
        finish();
        return true;
      }
      if (c == ',' && depth == 0) {
        finish();
        continue;
      }
      depth += c == '(' ? 1 : c == ')' ? -1 : 0;
      if (argument.is_string && IsBlank(c)) continue;
      argument.is_string = false;  // More than a string.
      argument.text += c;
    }
    return false;
  }

  std::string_view text_;
  size_t at_ = 0;
  uint32_t line_ = 1;
  std::vector<OpensipsStatement> statements_;
};

}  // namespace

std::vector<OpensipsStatement> ReadOpensipsConfig(std::string_view text) {
  return Reader(text).Read();
}

}  // namespace tools
