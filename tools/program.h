// What the programs of the test network share: flags, time, signals.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tools {

// Reads the command line into absl's flags. Bad flags end the program with status 2 and a message,
// --help and --version with 0; arguments that are no flags are bad. Words in the names of flags may
// be joined by '-' or '_'.
void ParseFlags(int argc, char** argv, const std::string& usage);
// The same for a program that takes arguments beside its flags; returns them.
std::vector<std::string> ParseFlagsAndArguments(int argc, char** argv, const std::string& usage);

// Says what is wrong with a flag and ends the program with status 2.
[[noreturn]] void BadFlag(const std::string& message);

// Monotonic.
uint64_t NowUs();

// SIGINT and SIGTERM are counted instead of ending the program.
void CountStopSignals();
int StopSignals();

}  // namespace tools
