// Replays a fuzzer's inputs where it is not linked with libFuzzer: every file named on the command
// line, and every file in the folders named there.
//
//   sip_message_fuzz fuzz/corpus/sip_message_fuzz crash-1234
//
// A finding ends the program as it would end the fuzzer. No input at all is an error, so that a
// lost corpus cannot pass for a good one.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

using Paths = std::vector<std::filesystem::path>;

void AddFiles(const std::filesystem::path& path, Paths* files) {
  if (!std::filesystem::is_directory(path)) {
    files->push_back(path);
    return;
  }
  const Paths::difference_type before = std::ssize(*files);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
    if (entry.is_regular_file()) files->push_back(entry.path());
  }
  std::sort(files->begin() + before, files->end());  // One order on every machine.
}

bool Replay(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file.is_open()) {
    std::fprintf(stderr, "cannot read %s\n", path.c_str());
    return false;
  }
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  Paths files;
  for (int i = 1; i < argc; ++i) AddFiles(argv[i], &files);
  bool good = !files.empty();
  for (const std::filesystem::path& file : files) good = Replay(file) && good;
  std::printf("replayed %zu inputs\n", files.size());
  return good ? 0 : 1;
}
