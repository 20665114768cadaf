// The manual of OpenSIPS proto_ipsec, line by line: each parameter, function and variable, set as
// its example sets it, converted, and what it then does to phones.
#include <map>
#include <memory>
#include <set>

#include "tests/edge_steps.h"
#include "tools/opensips_convert.h"

namespace edge {
namespace {

constexpr std::string_view kSockets =
    "socket=ipsec:192.0.2.10\nsocket=ipsec:192.0.2.10:5100\nsocket=ipsec:192.0.2.10:6100\n"
    "socket=udp:192.0.2.10:5060\nsocket=udp:10.0.0.10:5060\n";

Settings Converted(std::string_view lines, std::string_view sockets = kSockets) {
  const tools::Conversion conversion =
      tools::ConvertOpensips(std::string(sockets) + std::string(lines));
  EXPECT_EQ(conversion.remarks, 0) << conversion.settings;
  SettingsResult result = ParseSettings(conversion.settings);
  EXPECT_TRUE(result.ok()) << result.Report("f");
  result.settings.core.next_hops = {At(kIcscf)};  // It is in OpenSIPS' script.
  return result.settings;
}

// An edge with these lines of an opensips.cfg, and phones.
class Edge : public EdgeSteps {
 public:
  explicit Edge(std::string_view lines, std::string_view sockets = kSockets)
      : Edge(Converted(lines, sockets)) {}
  explicit Edge(const Settings& settings)
      : EdgeSteps(settings, settings.ipsec.min_spi, settings.ipsec.max_spi) {}

  // The 401 of a phone that offers this; its set is then in phone().
  Sent ChallengeOf(const std::string& algorithms = "alg=hmac-sha-1-96;ealg=aes-cbc") {
    phone_ = {};
    phone_.address = "198.51.100." + std::to_string(++phones_);
    phone_.imsi = "00101000000" + std::to_string(1000 + phones_);
    phone_.algorithms = algorithms;
    forwarded_ = Initial(&phone_);
    return Challenge(&phone_, forwarded_, "n");
  }
  // Is a phone that can do this alone let in?
  bool Takes(const std::string& algorithms) {
    return StatusOf(ChallengeOf(algorithms).text) == 401;
  }
  int Param(const std::string& name) const {
    return std::stoi(ParamOf(phone_.set.security_server, name));
  }
  void RegisterPhone() {
    ASSERT_EQ(StatusOf(Accept(OnSet(phone_.set, phone_.Protected())).text), 200);
  }
  void Log(std::string_view format) {
    std::string error;
    ASSERT_TRUE(Template::Parse(format, &world_.settings().log.access_format, &error)) << error;
  }

  using EdgeSteps::FromCore;
  using EdgeSteps::OnSet;
  using EdgeSteps::Sas;
  using EdgeSteps::stats;
  using EdgeSteps::world_;
  TestPhone& phone() { return phone_; }
  const std::string& forwarded() const { return forwarded_; }

 private:
  void TestBody() override {}
  TestPhone phone_;
  std::string forwarded_;
  int phones_ = 0;
};

// One example's value in each of a hundred sets.
std::set<int> ValuesOf(Edge* edge, const std::string& name) {
  std::set<int> values;
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(StatusOf(edge->ChallengeOf().text), 401);
    values.insert(edge->Param(name));
  }
  return values;
}

TEST(ProtoIpsec, Port) {
  constexpr std::string_view kTwo =
      "socket=ipsec:192.0.2.10\nsocket=ipsec:192.0.2.10:6100\nsocket=udp:192.0.2.10:5060\n"
      "socket=udp:10.0.0.10:5060\n";
  Edge edge("modparam(\"proto_ipsec\", \"port\", 5100)\n", kTwo);
  EXPECT_EQ(ValuesOf(&edge, "port-c"), (std::set<int>{5100, 6100}));
  Edge by_default("", kTwo);
  EXPECT_EQ(ValuesOf(&by_default, "port-s"), (std::set<int>{5062, 6100}));
}

// Both examples together; each SPI "must be unique within the system".
constexpr std::string_view kSpiRange =
    "modparam(\"proto_ipsec\", \"min_spi\", 10000)\nmodparam(\"proto_ipsec\", \"max_spi\", "
    "20000)\n";

TEST(ProtoIpsec, MinSpi) {
  Edge edge(kSpiRange);
  const std::set<int> spis = ValuesOf(&edge, "spi-c");
  EXPECT_GE(*spis.begin(), 10000);
  EXPECT_EQ(spis.size(), 100u);
  Edge by_default("");
  EXPECT_GE(*ValuesOf(&by_default, "spi-c").begin(), 65536);
}

TEST(ProtoIpsec, MaxSpi) {
  Edge edge(kSpiRange);
  const std::set<int> spis = ValuesOf(&edge, "spi-s");
  EXPECT_LE(*spis.rbegin(), 20000);
  EXPECT_EQ(spis.size(), 100u);
  Edge by_default("");
  EXPECT_LE(*ValuesOf(&by_default, "spi-s").rbegin(), 262144);
}

// Written `param(` in the manual.
TEST(ProtoIpsec, TemporaryTimeout) {
  Edge edge("param(\"proto_ipsec\", \"temporary_timeout\", 10) # number of seconds\n");
  ASSERT_EQ(StatusOf(edge.ChallengeOf().text), 401);
  edge.world_.Advance(9'999);
  EXPECT_EQ(edge.Sas(), 4u);
  edge.world_.Advance(1);
  EXPECT_EQ(edge.Sas(), 0u);
  Edge by_default("");
  ASSERT_EQ(StatusOf(by_default.ChallengeOf().text), 401);
  by_default.world_.Advance(29'999);
  EXPECT_EQ(by_default.Sas(), 4u);
  by_default.world_.Advance(1);
  EXPECT_EQ(by_default.Sas(), 0u);
}

TEST(ProtoIpsec, DefaultClientPort) {
  Edge edge("modparam(\"proto_ipsec\", \"default_client_port\", 5100)\n");
  EXPECT_EQ(ValuesOf(&edge, "port-c"), std::set<int>{5100});
  EXPECT_EQ(ValuesOf(&edge, "port-s"), (std::set<int>{5062, 6100}));
  Edge by_default("");
  EXPECT_EQ(ValuesOf(&by_default, "port-c"), (std::set<int>{5062, 5100, 6100}));
}

TEST(ProtoIpsec, DefaultServerPort) {
  Edge edge("modparam(\"proto_ipsec\", \"default_server_port\", 6100)\n");
  EXPECT_EQ(ValuesOf(&edge, "port-s"), std::set<int>{6100});
  EXPECT_EQ(ValuesOf(&edge, "port-c"), (std::set<int>{5062, 5100}));
  Edge by_default("");
  EXPECT_EQ(ValuesOf(&by_default, "port-s"), (std::set<int>{5062, 5100, 6100}));
}

// Pairs a phone may offer, as it writes them.
constexpr std::string_view kPairs[] = {"alg=null;ealg=aes-gcm",
                                       "alg=aes-gmac;ealg=null",
                                       "alg=hmac-sha-1-96;ealg=aes-cbc",
                                       "alg=hmac-sha-1-96;ealg=null",
                                       "alg=hmac-sha-1-96;ealg=des-ede3-cbc",
                                       "alg=hmac-md5-96;ealg=aes-cbc",
                                       "alg=hmac-md5-96;ealg=null",
                                       "alg=hmac-md5-96;ealg=des-ede3-cbc"};

// Which of them are let in, as places in kPairs.
std::set<int> Taken(Edge* edge) {
  std::set<int> taken;
  for (int i = 0; i < static_cast<int>(std::size(kPairs)); ++i) {
    if (edge->Takes(std::string(kPairs[i]))) taken.insert(i);
  }
  return taken;
}

TEST(ProtoIpsec, AllowedAlgorithms) {
  Edge either_null("modparam(\"proto_ipsec\", \"allowed_algorithms\", \"null\")\n");
  EXPECT_EQ(Taken(&either_null), (std::set<int>{0, 1, 3, 6}));
  Edge pair("modparam(\"proto_ipsec\", \"allowed_algorithms\", \"hmac-sha-1-96=null\")\n");
  EXPECT_EQ(Taken(&pair), std::set<int>{3});
  Edge by_default("");
  EXPECT_EQ(Taken(&by_default), (std::set<int>{0, 1, 2, 3, 4, 5, 6, 7}));
}

// Its second pair cannot be had of ESP: it is read as either, which the settings remark on.
TEST(ProtoIpsec, AllowedAlgorithmsOfTheLastExample) {
  const SettingsResult result =
      ParseSettings(tools::ConvertOpensips(std::string(kSockets) +
                                           "modparam(\"proto_ipsec\", \"allowed_algorithms\", "
                                           "\"hmac-sha-1-96=null,aes-gmac=aes-gcm\")\n")
                        .settings);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result.notes.size(), 1u);
  Settings settings = result.settings;
  settings.core.next_hops = {At(kIcscf)};
  Edge edge(settings);
  EXPECT_EQ(Taken(&edge), (std::set<int>{0, 1, 3}));
}

TEST(ProtoIpsec, DisableDeprecatedAlgorithms) {
  Edge edge("modparam(\"proto_ipsec\", \"disable_deprecated_algorithms\", yes)\n");
  EXPECT_EQ(Taken(&edge), (std::set<int>{0, 1}));
  // And whatever the other list says (pitfalls 4).
  Edge both(
      "modparam(\"proto_ipsec\", \"disable_deprecated_algorithms\", yes)\n"
      "modparam(\"proto_ipsec\", \"allowed_algorithms\", \"null\")\n");
  EXPECT_EQ(Taken(&both), (std::set<int>{0, 1}));
}

constexpr std::string_view kDefaults =
    "modparam(\"proto_ipsec\", \"default_client_port\", 5100)\n"
    "modparam(\"proto_ipsec\", \"default_server_port\", 6100)\n";

std::string Route(std::string_view call) {
  return std::string(kDefaults) + "onreply_route[ipsec] {\n\tif ($T_reply_code == 401)\n\t\tif (" +
         std::string(call) + ")\n\t\t\txlog(\"created\");\n}\n";
}

// "Upon successful creation it builds the Security-Server header and appends it to the reply."
TEST(ProtoIpsec, IpsecCreate) {
  Edge edge(Route("ipsec_create()"));
  const Sent challenge = edge.ChallengeOf();
  EXPECT_EQ(StatusOf(challenge.text), 401);
  EXPECT_NE(LinesOf(challenge.text, "Security-Server"), "");
  EXPECT_EQ(edge.Sas(), 4u);
  EXPECT_EQ(edge.Param("port-c"), 5100);
  EXPECT_EQ(edge.Param("port-s"), 6100);
}

TEST(ProtoIpsec, IpsecCreateOfPorts) {
  Edge edge(Route("ipsec_create(5062, 6100)"));
  ASSERT_EQ(StatusOf(edge.ChallengeOf().text), 401);
  EXPECT_EQ(edge.Param("port-s"), 5062);
  EXPECT_EQ(edge.Param("port-c"), 6100);
}

// The manual has the defaults of the two ports the wrong way round.
TEST(ProtoIpsec, IpsecCreateOfOnePortHasTheOthersOwnDefault) {
  Edge server(Route("ipsec_create(5062)"));
  ASSERT_EQ(StatusOf(server.ChallengeOf().text), 401);
  EXPECT_EQ(server.Param("port-s"), 5062);
  EXPECT_EQ(server.Param("port-c"), 5100);
  Edge client(Route("ipsec_create(, 5062)"));
  ASSERT_EQ(StatusOf(client.ChallengeOf().text), 401);
  EXPECT_EQ(client.Param("port-s"), 6100);
  EXPECT_EQ(client.Param("port-c"), 5062);
}

TEST(ProtoIpsec, IpsecCreateOfAlgorithmsOverwritesTheParameter) {
  Edge edge("modparam(\"proto_ipsec\", \"allowed_algorithms\", \"aes-gmac\")\n" +
            Route("ipsec_create(, , \"hmac-sha-1-96=aes-cbc\")"));
  EXPECT_EQ(Taken(&edge), std::set<int>{2});
}

// "This function should only be called on a 401": no other answer opens a tunnel.
TEST(ProtoIpsec, IpsecCreateIsForThe401Only) {
  for (const int status : {200, 403, 404, 500}) {
    Edge edge(Route("ipsec_create()"));
    edge.ChallengeOf();  // Another phone's.
    const size_t before = edge.Sas();
    TestPhone late;
    late.imsi = "001010000009999";
    late.address = "198.51.100.250";
    edge.world_.Deliver(late.Clear(), late.Gm(), late.Initial());
    const Sent answer = edge.FromCore(edge.world_.Pop().text, status, ChallengeLine("n"));
    EXPECT_EQ(LinesOf(answer.text, "Security-Server"), "") << status;
    EXPECT_EQ(edge.Sas(), before) << status;
  }
}

// name=value of each field, for a request over the tunnel of a registered phone.
std::map<std::string, std::string> FieldsOf(std::string_view variable) {
  Edge edge(kDefaults);
  edge.ChallengeOf();
  edge.RegisterPhone();
  std::string format;
  for (const char* field :
       {"ik", "ck", "alg", "ealg", "ip", "spi-c", "spi-s", "port-c", "port-s"}) {
    format += std::string(field) + "=" + std::string(variable) + "(" + field + ");";
  }
  edge.Log(format);
  edge.OnSet(edge.phone().set,
             edge.phone().Request("MESSAGE", "sip:b@x", edge.phone().port_us, ""));
  EXPECT_EQ(edge.world_.accesses().size(), 1u);
  std::map<std::string, std::string> fields;
  std::string rest = edge.world_.accesses().empty() ? "" : edge.world_.accesses()[0];
  for (size_t end; (end = rest.find(';')) != std::string::npos; rest.erase(0, end + 1)) {
    const size_t equals = rest.find('=');
    fields[rest.substr(0, equals)] = rest.substr(equals + 1, end - equals - 1);
  }
  fields["security_server"] = edge.phone().set.security_server;
  return fields;
}

TEST(ProtoIpsec, IpsecVariable) {
  std::map<std::string, std::string> fields = FieldsOf("$ipsec");
  const std::string server = fields["security_server"];
  EXPECT_EQ(fields["ik"], kIk);
  EXPECT_EQ(fields["ck"], kCk);
  EXPECT_EQ(fields["alg"], "hmac-sha-1-96");
  EXPECT_EQ(fields["ealg"], "aes-cbc");
  EXPECT_EQ(fields["ip"], "192.0.2.10");
  EXPECT_EQ(fields["spi-c"], ParamOf(server, "spi-c"));
  EXPECT_EQ(fields["spi-s"], ParamOf(server, "spi-s"));
  EXPECT_EQ(fields["port-c"], "5100");
  EXPECT_EQ(fields["port-s"], "6100");
}

TEST(ProtoIpsec, IpsecUeVariable) {
  std::map<std::string, std::string> fields = FieldsOf("$ipsec_ue");
  const TestPhone phone;
  EXPECT_EQ(fields["ik"], kIk);
  EXPECT_EQ(fields["ck"], kCk);
  EXPECT_EQ(fields["alg"], "hmac-sha-1-96");
  EXPECT_EQ(fields["ealg"], "aes-cbc");
  EXPECT_EQ(fields["ip"], "198.51.100.1");
  EXPECT_EQ(fields["spi-c"], std::to_string(phone.spi_uc));
  EXPECT_EQ(fields["spi-s"], std::to_string(phone.spi_us));
  EXPECT_EQ(fields["port-c"], std::to_string(phone.port_uc));
  EXPECT_EQ(fields["port-s"], std::to_string(phone.port_us));
}

// The manual's two examples, as one would have them in log.access_format.
TEST(ProtoIpsec, VariablesInTheExamplesText) {
  Edge edge(kDefaults);
  edge.ChallengeOf();
  edge.RegisterPhone();
  edge.Log(
      "Using $ipsec(ip):$ipsec(port-c) and $ipsec(ip):$ipsec(port-s) socket, "
      "$ipsec_ue(ip):$ipsec_ue(port-c) and $ipsec_ue(ip):$ipsec_ue(port-s) socket");
  edge.OnSet(edge.phone().set,
             edge.phone().Request("OPTIONS", "sip:b@x", edge.phone().port_us, ""));
  EXPECT_EQ(edge.world_.accesses(),
            std::vector<std::string>{"Using 192.0.2.10:5100 and 192.0.2.10:6100 socket, "
                                     "198.51.100.1:37001 and 198.51.100.1:37002 socket"});
}

// "It is necessary to define at least two IPSec sockets": fewer are refused, not found out later.
TEST(ProtoIpsec, OneSocketIsNotEnough) {
  const tools::Conversion one = tools::ConvertOpensips(
      "socket=ipsec:192.0.2.10:5100\nsocket=udp:192.0.2.10:5060\nsocket=udp:10.0.0.10:5060\n");
  EXPECT_FALSE(ParseSettings(one.settings).ok());
}

}  // namespace
}  // namespace edge
