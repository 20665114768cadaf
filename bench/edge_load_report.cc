#include "bench/edge_load_report.h"

#include <fmt/format.h>
#include <sys/utsname.h>

#include <algorithm>
#include <fstream>
#include <iterator>

namespace bench {
namespace {

double Ratio(double a, double b) {
  return b > 0 ? a / b : 0;
}

double Mebibytes(uint64_t bytes) {
  return static_cast<double>(bytes) / (1 << 20);
}

std::string JsonText(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    if (static_cast<unsigned char>(c) >= 0x20) quoted += c;
  }
  return quoted + '"';
}

std::string EchoLine(std::string_view when, size_t size, const EchoResult& echo) {
  return fmt::format("raw echo {:<7}{} bytes: {:.0f} messages/s, {:.2f} µs CPU each, {} lost\n",
                     when, size, echo.PerSecond(), echo.Microseconds(), echo.lost);
}

std::string JsonEcho(const EchoResult& echo) {
  return fmt::format(R"({{"echoed": {}, "lost": {}, "per_second": {:.1f}, "cpu_us": {:.3f}, )"
                     R"("busy": {:.3f}, "latency_us": {{"p50": {:.1f}, "p99": {:.1f}}}}})",
                     echo.echoed, echo.lost, echo.PerSecond(), echo.Microseconds(), echo.Busy(),
                     echo.p50_us, echo.p99_us);
}

std::string JsonFake(const FakeCost& fake) {
  return fmt::format(
      "\"simulated_kernel\": {{\"bytes_per_phone\": {:.0f}, \"install_us\": {:.3f}, "
      "\"extend_us\": {:.3f}, \"expire_us\": {:.3f}}}",
      fake.bytes, fake.install_us, fake.extend_us, fake.expire_us);
}

std::string JsonRow(const LoadRow& row) {
  std::string json = fmt::format(
      R"({{"flow": {}, "phones": {}, "paced_per_second": {:.1f}, "started": {}, "completed": {}, )"
      R"("simulated_kernel_us": {:.3f}, )",
      JsonText(Name(row.flow)), row.phones, row.paced_per_second, row.load.started,
      row.load.completed, row.fake_us);
  fmt::format_to(
      std::back_inserter(json),
      R"("refused": {}, "lost": {}, "forwarded": {}, "forwarded_bytes": {}, "seconds": {:.4f}, )",
      row.load.refused, row.load.lost, row.load.forwarded, row.load.forwarded_bytes,
      row.load.seconds);
  fmt::format_to(
      std::back_inserter(json),
      R"("edge_cpu_seconds": {:.6f}, "edge_user_seconds": {:.2f}, "load_cpu_seconds": {:.6f}, )",
      row.edge_cpu_seconds, row.edge_user_seconds, row.load_cpu_seconds);
  fmt::format_to(std::back_inserter(json),
                 R"("cpu_us_per_message": {:.3f}, "cpu_us_per_transaction": {:.3f}, )",
                 row.MicrosecondsPerMessage(), row.MicrosecondsPerTransaction());
  fmt::format_to(
      std::back_inserter(json),
      R"("latency_us": {{"p50": {:.1f}, "p99": {:.1f}}}, "raw_echo": {}, "busy_echo": {}}})",
      row.Latency(0.5), row.Latency(0.99), JsonEcho(row.echo), JsonEcho(row.busy_echo));
  return json;
}

}  // namespace

double LoadRow::MicrosecondsPerMessage() const {
  return Ratio(edge_cpu_seconds * 1e6, static_cast<double>(load.forwarded));
}

double LoadRow::MicrosecondsPerTransaction() const {
  return Ratio(edge_cpu_seconds * 1e6, static_cast<double>(load.completed));
}

double LoadRow::MessagesPerSecond() const {
  return Ratio(static_cast<double>(load.forwarded), load.seconds);
}

double LoadRow::EdgeBusy() const {
  return Ratio(edge_cpu_seconds, load.seconds);
}

double LoadRow::EchoRatio() const {
  return Ratio(MicrosecondsPerMessage(), echo.Microseconds());
}

double LoadRow::NetRatio() const {
  const double fake_seconds = fake_us * static_cast<double>(load.completed) / 1e6;
  const double net_us =
      Ratio((edge_cpu_seconds - fake_seconds) * 1e6, static_cast<double>(load.forwarded));
  return Ratio(net_us, echo.Microseconds());
}

double LoadRow::Latency(double share) const {
  return LatencyUs(load.latency_ns, share);
}

std::string LoadReport::Table() const {
  std::string table =
      fmt::format("{}\n{}\nphones over {}, window {}\n\n", machine, edge, transport, window);
  table += EchoLine("before", echo_size, echo_before);
  table += EchoLine("after", echo_size, echo_after);
  fmt::format_to(std::back_inserter(table),
                 "epoll + recvmmsg (UDP) {} bytes: {:.0f} messages/s, {:.2f} µs CPU each\n",
                 echo_size, epoll.PerSecond(), epoll.Microseconds());
  fmt::format_to(std::back_inserter(table), "memory of gmedge: {:.1f} MiB at start; ",
                 Mebibytes(memory_idle_bytes));
  for (const Memory& at : memory) {
    fmt::format_to(std::back_inserter(table), "{:.1f} MiB with {} phones, {:.0f} bytes each; ",
                   Mebibytes(at.bytes), at.phones, BytesPerPhone(at));
  }
  fmt::format_to(std::back_inserter(table),
                 "stopped in {:.2f} s\nthe simulated kernel (not in the bytes above, nor in x "
                 "net; in all else), per phone:\n",
                 stop_seconds);
  for (const Memory& at : memory) {
    fmt::format_to(std::back_inserter(table),
                   "  at {} phones {:.0f} bytes; CPU µs {:.2f} to install, {:.2f} to extend, "
                   "{:.2f} for lifetimes\n",
                   at.phones, at.fake.bytes, at.fake.install_us, at.fake.extend_us,
                   at.fake.expire_us);
  }
  table += '\n';
  // us: CPU microseconds of gmedge.
  fmt::format_to(std::back_inserter(table),
                 "{:<17}{:>8}{:>8} {:>9} {:>9} {:>8} {:>8} {:>7} {:>6} {:>6} {:>6} {:>9} {:>9} "
                 "{:>9} {:>6} {:>6} {:>6} {:>8} {:>9} {:>8}\n",
                 "flow", "phones", "pace/s", "flows/s", "msgs/s", "µs/flow", "µs/msg", "echo µs",
                 "x echo", "x net", "lost", "p50 µs", "p99 µs", "echo p99", "edge %", "user %",
                 "load %", "echo B %", "echo B 99", "late p99");
  for (const LoadRow& row : rows) {
    const std::string pace =
        row.paced_per_second > 0 ? fmt::format("{:.0f}", row.paced_per_second) : "window";
    // Clock ticks say nothing of a short time.
    const std::string user =
        row.edge_cpu_seconds < 0.5
            ? "-"
            : fmt::format("{:.0f}", 100 * Ratio(row.edge_user_seconds, row.edge_cpu_seconds));
    fmt::format_to(std::back_inserter(table),
                   "{:<17}{:>8}{:>8} {:>9.0f} {:>9.0f} {:>7.2f} {:>7.2f} {:>7.2f} {:>6.2f} "
                   "{:>6.2f} {:>6} {:>8.0f} "
                   "{:>8.0f} {:>9.0f} {:>6.0f} {:>6} {:>6.0f} {:>8.0f} {:>9.0f} {:>8.0f}\n",
                   Name(row.flow), row.phones, pace,
                   Ratio(static_cast<double>(row.load.completed), row.load.seconds),
                   row.MessagesPerSecond(), row.MicrosecondsPerTransaction(),
                   row.MicrosecondsPerMessage(), row.echo.Microseconds(), row.EchoRatio(),
                   row.NetRatio(), row.load.lost + row.load.refused, row.Latency(0.5),
                   row.Latency(0.99), row.echo.p99_us, 100 * row.EdgeBusy(), user,
                   100 * Ratio(row.load_cpu_seconds, row.load.seconds), 100 * row.busy_echo.Busy(),
                   row.busy_echo.p99_us, LatencyUs(row.load.late_ns, 0.99));
    if (!row.load.surprise.empty()) table += "  refused with: " + row.load.surprise + "\n";
  }
  for (const Peer& peer : peers) {
    fmt::format_to(std::back_inserter(table),
                   "Kamailio, {:<19} {}: {:>7.0f} msgs/s, {:.2f} µs/msg, {:.2f} x echo, "
                   "{:.2f} x gmedge ({:.2f}, {:.2f} x echo), {} lost\n",
                   peer.name, Name(peer.row.flow), peer.row.MessagesPerSecond(),
                   peer.row.MicrosecondsPerMessage(), peer.row.EchoRatio(),
                   Ratio(peer.row.MicrosecondsPerMessage(), peer.own.MicrosecondsPerMessage()),
                   peer.own.MicrosecondsPerMessage(), peer.own.EchoRatio(),
                   peer.row.load.lost + peer.row.load.refused);
  }
  return table;
}

std::string LoadReport::Json() const {
  std::string json =
      fmt::format("{{\"machine\": {}, \"edge\": {}, \"transport\": {}, \"window\": {},\n",
                  JsonText(machine), JsonText(edge), JsonText(transport), window);
  fmt::format_to(
      std::back_inserter(json),
      " \"echo_size\": {}, \"echo_before\": {},\n \"echo_after\": {},\n \"epoll\": {},\n",
      echo_size, JsonEcho(echo_before), JsonEcho(echo_after), JsonEcho(epoll));
  fmt::format_to(std::back_inserter(json),
                 " \"memory_idle_bytes\": {}, \"stop_seconds\": {:.3f},\n"
                 " \"memory\": [",
                 memory_idle_bytes, stop_seconds);
  for (size_t i = 0; i < memory.size(); ++i) {
    fmt::format_to(std::back_inserter(json),
                   "{}{{\"phones\": {}, \"bytes\": {}, \"bytes_per_phone\": {:.0f}, {}}}",
                   i == 0 ? "" : ",\n  ", memory[i].phones, memory[i].bytes,
                   BytesPerPhone(memory[i]), JsonFake(memory[i].fake));
  }
  json += "],\n \"rows\": [";
  for (size_t i = 0; i < rows.size(); ++i) {
    json += (i == 0 ? "\n  " : ",\n  ") + JsonRow(rows[i]);
  }
  json += "],\n \"peers\": [";
  for (size_t i = 0; i < peers.size(); ++i) {
    json +=
        fmt::format("{}{{\"name\": {}, \"row\": {},\n   \"gmedge\": {}}}", i == 0 ? "" : ",\n  ",
                    JsonText(peers[i].name), JsonRow(peers[i].row), JsonRow(peers[i].own));
  }
  return json + "]}\n";
}

double LoadReport::BytesPerPhone(const Memory& at) const {
  const double grown = static_cast<double>(at.bytes) - static_cast<double>(memory_idle_bytes);
  return at.phones == 0 ? 0 : grown / static_cast<double>(at.phones) - at.fake.bytes;
}

bool LoadReport::IsSound() const {
  return std::all_of(rows.begin(), rows.end(), [](const LoadRow& row) {
    const bool may_lose = row.paced_per_second > 0;
    return row.load.completed > 0 && row.load.refused == 0 &&
           (may_lose || row.load.lost * 100 <= row.load.started);
  });
}

std::string DescribeMachine() {
  std::string model = "unknown CPU";
  std::ifstream cpus("/proc/cpuinfo");
  for (std::string line; std::getline(cpus, line);) {
    if (!line.starts_with("model name")) continue;
    model = line.substr(line.find(':') + 2);
    break;
  }
  utsname system{};
  uname(&system);
  return fmt::format("{}, Linux {}", model, system.release);
}

}  // namespace bench
