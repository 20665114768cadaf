#include "edge/takeover.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "edge/limits.h"
#include "edge/takeover_terms.h"

namespace edge {
namespace {

constexpr uint32_t kCommonMark = 0x636f6d6d;
constexpr std::string_view kRunning = "the running gmedge";
constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
// The takeover's own socket and the file beside; and, where SAs are real, the kernel's.
constexpr uint32_t kCommonFilesMin = 2;
constexpr uint32_t kCommonFilesMax = kCommonFilesMin + 1 + kWorkersMax * kPortsMax;

// How many descriptors there are for all, and for each worker.
bool ReadCounts(std::string_view text, size_t workers, std::vector<uint32_t>* counts) {
  counts->resize(workers + 1);
  if (text.size() != counts->size() * sizeof(uint32_t)) return false;
  std::memcpy(counts->data(), text.data(), text.size());
  const uint32_t common = counts->front();
  return common >= kCommonFilesMin && common <= kCommonFilesMax &&
         std::all_of(counts->begin() + 1, counts->end(),
                     [](uint32_t count) { return count > 0 && count <= 1 << 20; });
}

}  // namespace

void CarryCommon(StateArchive* archive, uint64_t now_ms, CommonState* common, KeyedHash* phones,
                 xfrm::SpiPool* spis) {
  archive->Mark(kCommonMark);
  archive->Number(&common->since_ms);
  phones->Carry(archive);
  std::vector<xfrm::SpiPair> resting;
  if (!archive->is_reading()) resting = spis->Resting();
  const size_t count = archive->Count(resting.size(), UINT32_MAX, sizeof(xfrm::SpiPair));
  resting.resize(count);
  for (xfrm::SpiPair& pair : resting) {
    archive->Number(&pair.client);
    archive->Number(&pair.server);
    // They rest once more from now on.
    if (archive->is_reading() && spis->Reserve(pair)) spis->Release(pair, now_ms);
  }
}

int MakeStateFile() {
  return memfd_create("gmedge state", MFD_CLOEXEC | MFD_ALLOW_SEALING);
}

bool SealStateFile(int fd) {
  return fcntl(fd, F_ADD_SEALS, kSeals) == 0;
}

StateFile::StateFile(int fd) {
  struct stat status {};
  if (fcntl(fd, F_GET_SEALS) != kSeals || fstat(fd, &status) != 0 || status.st_size <= 0) return;
  void* const mapped =
      mmap(nullptr, static_cast<size_t>(status.st_size), PROT_READ, MAP_SHARED, fd, 0);
  if (mapped == MAP_FAILED) return;
  bytes_ = static_cast<const std::byte*>(mapped);
  size_ = static_cast<size_t>(status.st_size);
}

StateFile::~StateFile() {
  if (bytes_ != nullptr) munmap(const_cast<std::byte*>(bytes_), size_);
}

Takeover::File::~File() {
  if (fd_ >= 0) close(fd_);
}

std::unique_ptr<Takeover> Takeover::Ask(const std::string& path, const Settings& settings,
                                        std::string_view xfrm, std::string* error) {
  const int fd = TakeoverLink::Connect(path, error);
  if (fd < 0) return nullptr;
  std::unique_ptr<Takeover> takeover(new Takeover(TakeoverLink(fd)));
  // It may have ended already, or refused: what it has said tells.
  takeover->link_.Send(TakeoverStep::kHello, WriteTerms(TermsOf(settings, xfrm)));
  return takeover->Receive(settings.process.workers, error) ? std::move(takeover) : nullptr;
}

bool Takeover::Receive(size_t worker_count, std::string* error) {
  TakeoverLink::Packet packet;
  if (!link_.Await(TakeoverStep::kState, kRunning, kAnswerMs + kRestMs + kReadyMs, &packet,
                   error)) {
    return false;
  }
  std::vector<uint32_t> counts;
  if (!ReadCounts(packet.text, worker_count, &counts)) {
    *error = fmt::format("{} hands over something else than was asked for", kRunning);
    return false;
  }
  size_t missing = 0;
  for (const uint32_t count : counts) missing += count;
  std::vector<File> files;
  files.reserve(missing);
  while (missing > 0) {
    if (!link_.Await(TakeoverStep::kFiles, kRunning, kAnswerMs, &packet, error)) return false;
    for (const int fd : packet.files) files.emplace_back(fd);
    if (packet.files.empty() || packet.files.size() > missing) {
      *error = fmt::format("{} hands over something else than was asked for", kRunning);
      return false;
    }
    missing -= packet.files.size();
    link_.Send(TakeoverStep::kFilesTaken);
  }
  size_t at = 0;
  state = std::move(files[at++]);
  listener = std::move(files[at++]);
  while (at < counts.front()) kernel.push_back(std::move(files[at++]));
  for (size_t i = 1; i < counts.size(); ++i) {
    OfWorker& worker = workers.emplace_back();
    worker.state = std::move(files[at++]);
    for (uint32_t k = 1; k < counts[i]; ++k) worker.files.push_back(std::move(files[at++]));
  }
  return true;
}

// Until the other one has heard kTaken it goes on if we end, so nothing is served before.
bool Takeover::Commit(std::string* error) {
  TakeoverLink::Packet packet;
  link_.Send(TakeoverStep::kReady);
  if (!link_.Await(TakeoverStep::kGo, kRunning, kGoMs, &packet, error)) return false;
  if (link_.Send(TakeoverStep::kTaken)) return true;
  *error = fmt::format("{} has ended before Taken", kRunning);
  return false;
}

}  // namespace edge
