// Who sees SPIs cannot tell the next. Every statistic below is standard normal for a random order,
// and 5.3 of its deviations are exceeded once in 8.6 million; there are about 3000 of them, so a
// random order fails here with a probability of 0.0004. The keys are fixed: it does or it does not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "xfrm/spi_pool.h"

namespace xfrm {
namespace {

constexpr double kLimit = 5.3;

// An order to be judged: one sequence a key, of values in [0, size).
struct Sample {
  uint64_t size = 0;
  std::vector<std::vector<uint64_t>> sequences;
};

Sample OfPools(uint64_t pairs, size_t keys, size_t length) {
  Sample sample = {pairs, {}};
  for (size_t key = 0; key < keys; ++key) {
    SpiPool::Options options;
    options.min_spi = 256;
    options.max_spi = static_cast<uint32_t>(options.min_spi + 2 * pairs - 1);
    options.permutation_key = {pairs, key};
    SpiPool pool(options);
    std::vector<uint64_t>& sequence = sample.sequences.emplace_back();
    for (size_t i = 0; i < length; ++i) {
      sequence.push_back(pool.Acquire(0).client - options.min_spi);
    }
  }
  return sample;
}

Sample OfFormula(uint64_t size, const std::function<uint64_t(uint64_t)>& next) {
  std::mt19937_64 random(size);
  Sample sample = {size, {}};
  for (size_t key = 0; key < 64; ++key) {
    std::vector<uint64_t>& sequence = sample.sequences.emplace_back();
    sequence.push_back(random() % size);
    while (sequence.size() < 1000) sequence.push_back(next(sequence.back()) % size);
  }
  return sample;
}

// Visits every value with the two before it.
void ForEachNext(const Sample& sample,
                 const std::function<void(uint64_t, uint64_t, uint64_t)>& visit) {
  for (const std::vector<uint64_t>& sequence : sample.sequences) {
    for (size_t i = 2; i < sequence.size(); ++i) {
      visit(sequence[i - 2], sequence[i - 1], sequence[i]);
    }
  }
}

// How far counts are from what is expected of each cell: chi square by Wilson and Hilferty.
double DeviationOf(const std::vector<double>& counts, const std::vector<double>& expected,
                   double freedom) {
  double chi_square = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    chi_square += (counts[i] - expected[i]) * (counts[i] - expected[i]) / expected[i];
  }
  const double variance = 2 / (9 * freedom);
  return (std::cbrt(chi_square / freedom) - (1 - variance)) / std::sqrt(variance);
}

using Report = std::map<std::string, double>;

// Guesses of the next value from the two before. A hit is one at most 1/400 of the range beside it.
void JudgeGuesses(const Sample& sample, Report* report) {
  using Guess = std::function<uint64_t(uint64_t, uint64_t)>;
  const uint64_t size = sample.size;
  const uint64_t near = size / 400;
  const std::map<std::string, Guess> guesses = {
      {"the neighbour", [](uint64_t, uint64_t last) { return last; }},
      {"the same step again", [size](uint64_t a, uint64_t b) { return 2 * b + size - a; }},
      {"the step back", [](uint64_t before, uint64_t) { return before; }},
      {"the middle", [](uint64_t before, uint64_t last) { return (before + last) / 2; }},
      {"the mirror", [size](uint64_t, uint64_t last) { return 2 * size - last; }},
      {"twice", [](uint64_t, uint64_t last) { return 2 * last; }},
      {"the sum", [](uint64_t before, uint64_t last) { return before + last; }},
      {"exclusive or", [](uint64_t before, uint64_t last) { return before ^ last; }}};
  for (const auto& [name, guess] : guesses) {
    double hits = 0;
    double tries = 0;
    ForEachNext(sample, [&, &guess = guess](uint64_t before, uint64_t last, uint64_t next) {
      const uint64_t distance = (guess(before, last) + near + size - next) % size;
      hits += distance <= 2 * near ? 1 : 0;
      ++tries;
    });
    const double chance = static_cast<double>(2 * near + 1) / static_cast<double>(size);
    (*report)[name] = (hits - tries * chance) / std::sqrt(tries * chance * (1 - chance));
  }
}

void JudgeCorrelation(const Sample& sample, Report* report) {
  const double size = static_cast<double>(sample.size);
  const double mean = (size - 1) / 2;
  const double variance = (size * size - 1) / 12;
  for (size_t lag = 1; lag <= 16; ++lag) {
    double sum = 0;
    double terms = 0;
    for (const std::vector<uint64_t>& sequence : sample.sequences) {
      for (size_t i = lag; i < sequence.size(); ++i, ++terms) {
        sum += (static_cast<double>(sequence[i]) - mean) *
               (static_cast<double>(sequence[i - lag]) - mean);
      }
    }
    (*report)["correlation at " + std::to_string(lag)] = sum / variance / std::sqrt(terms);
  }
}

void JudgeSteps(const Sample& sample, Report* report) {
  for (uint64_t modulus = 2; modulus <= 64; ++modulus) {
    std::vector<double> counts(modulus);
    double terms = 0;
    ForEachNext(sample, [&](uint64_t, uint64_t last, uint64_t next) {
      ++counts[(next + sample.size - last) % sample.size % modulus];
      ++terms;
    });
    std::vector<double> expected;
    for (uint64_t rest = 0; rest < modulus; ++rest) {
      const uint64_t values = (sample.size - 1 - rest) / modulus + 1 - (rest == 0 ? 1 : 0);
      expected.push_back(terms * static_cast<double>(values) /
                         static_cast<double>(sample.size - 1));
    }
    (*report)["steps modulo " + std::to_string(modulus)] =
        DeviationOf(counts, expected, static_cast<double>(modulus - 1));
  }
}

// Each bit of the next value against each of the last: agreement beyond what their shares explain.
void JudgeBits(const Sample& sample, Report* report) {
  const int bits = static_cast<int>(std::bit_width(sample.size - 1));
  for (int from = 0; from < bits; ++from) {
    for (int to = 0; to < bits; ++to) {
      std::array<std::array<double, 2>, 2> table{};
      ForEachNext(sample, [&](uint64_t, uint64_t last, uint64_t next) {
        ++table[last >> from & 1][next >> to & 1];
      });
      const double row = table[1][0] + table[1][1];
      const double column = table[0][1] + table[1][1];
      const double all = row + table[0][0] + table[0][1];
      const double spread = std::sqrt(row * (all - row) * column * (all - column) / all);
      (*report)["bit " + std::to_string(to) + " from bit " + std::to_string(from)] =
          spread == 0 ? all : (table[1][1] * all - row * column) / spread;
    }
  }
}

// Where the next value falls, by where the last one was: 16 by 16 fields.
void JudgeFields(const Sample& sample, Report* report) {
  constexpr uint64_t kFields = 16;
  std::vector<double> counts(kFields * kFields);
  double terms = 0;
  ForEachNext(sample, [&](uint64_t, uint64_t last, uint64_t next) {
    ++counts[last * kFields / sample.size * kFields + next * kFields / sample.size];
    ++terms;
  });
  const std::vector<double> expected(counts.size(), terms / (kFields * kFields));
  (*report)["fields"] = DeviationOf(counts, expected, kFields * kFields - 1);
}

Report Judge(const Sample& sample) {
  Report report;
  JudgeGuesses(sample, &report);
  JudgeCorrelation(sample, &report);
  JudgeSteps(sample, &report);
  JudgeBits(sample, &report);
  JudgeFields(sample, &report);
  return report;
}

std::vector<std::string> Suspects(const Report& report) {
  std::vector<std::string> names;
  for (const auto& [name, deviation] : report) {
    if (!(std::abs(deviation) < kLimit)) names.push_back(name + " " + std::to_string(deviation));
  }
  return names;
}

// Sizes below and above what is kept as a table.
TEST(XfrmSpiPoolOrder, ConsecutiveSpisDoNotPredictTheNext) {
  for (const uint64_t pairs : {98'304u, 100'003u, 300'000u, 0x7fffff80u}) {
    EXPECT_THAT(Suspects(Judge(OfPools(pairs, 64, 1000))), ::testing::IsEmpty()) << pairs;
  }
}

// One key's whole order, not its beginning alone.
TEST(XfrmSpiPoolOrder, AWholeLapIsAsRandom) {
  EXPECT_THAT(Suspects(Judge(OfPools(50'000, 1, 50'000))), ::testing::IsEmpty());
  EXPECT_THAT(Suspects(Judge(OfPools(300'000, 1, 300'000))), ::testing::IsEmpty());
}

// The judges see what they are for.
TEST(XfrmSpiPoolOrder, PredictableOrdersAreCaught) {
  constexpr uint64_t kSize = 98'304;
  const auto suspects = [](const std::function<uint64_t(uint64_t)>& next) {
    return Suspects(Judge(OfFormula(kSize, next)));
  };
  EXPECT_THAT(suspects([](uint64_t last) { return last + 1; }),
              ::testing::SizeIs(::testing::Ge(9)));
  EXPECT_THAT(suspects([](uint64_t last) { return last + 37'911; }),
              ::testing::Not(::testing::IsEmpty()));
  EXPECT_THAT(suspects([](uint64_t last) { return last * 25 + 12'345; }),
              ::testing::Not(::testing::IsEmpty()));
  std::mt19937_64 random(1);
  EXPECT_THAT(suspects([&random](uint64_t last) { return last + random() % (kSize / 2); }),
              ::testing::Not(::testing::IsEmpty()));
  EXPECT_THAT(suspects([&random](uint64_t last) { return random() % (kSize / 2) * 2 + last % 2; }),
              ::testing::Not(::testing::IsEmpty()));
}

// Of four pairs there are 24 orders, and each comes as often as the others; so nobody can tell
// the third from the first two. Keys that differ in one bit are as good as any.
TEST(XfrmSpiPoolOrder, EveryOrderOfASmallPoolIsAsLikely) {
  std::map<std::vector<uint64_t>, double> found;
  const Sample sample = OfPools(4, 24'000, 4);
  for (const std::vector<uint64_t>& sequence : sample.sequences) ++found[sequence];
  std::vector<double> counts;
  for (const auto& [order, count] : found) counts.push_back(count);
  ASSERT_THAT(counts, ::testing::SizeIs(24));
  EXPECT_LT(DeviationOf(counts, std::vector<double>(24, 1000), 23), kLimit);
}

// The first SPIs after a start: nothing is to be learned from earlier starts.
TEST(XfrmSpiPoolOrder, FirstSpisOfStartsAreSpreadEvenly) {
  constexpr size_t kFields = 50;
  const Sample sample = OfPools(100, 20'000, 50);
  for (const size_t place : {0u, 1u, 49u}) {
    std::vector<double> counts(kFields);
    for (const std::vector<uint64_t>& sequence : sample.sequences) ++counts[sequence[place] / 2];
    EXPECT_LT(DeviationOf(counts, std::vector<double>(kFields, 400), kFields - 1), kLimit) << place;
  }
}

}  // namespace
}  // namespace xfrm
