// A gRPC client of grpc++ (C-core): a thread for each call at once, every answer verified byte for byte.
//
// Calls are made as generated code makes them, but with bytes instead of protobuf messages.

#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/client_unary_call.h>
#include <grpcpp/impl/codegen/sync_stream.h>
#include <openssl/sha.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace
{

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;
using grpc::ByteBuffer;
using grpc::internal::RpcMethod;

const std::string service = "/evenkeel.lab.Echo/";
constexpr int seeds = 16;
constexpr Seconds slack{30}; // that a call may take beyond what it asks for

struct Options {
	std::map<std::string, std::string> values{
	    {"--target", ""},
	    {"--seconds", "10"},
	    {"--channels", "1"},
	    {"--concurrency", "2"},
	    {"--bodies", "1,100,1000,16379,16384,65535,65536,300000,1000000,4194304"},
	    {"--pause-milliseconds", "0"},
	    {"--streams", "1"},
	    {"--stream-seconds", "15"},
	    {"--tick-milliseconds", "100"},
	};

	Options(int count, char **arguments)
	{
		for (int i = 1; i < count; i += 2) {
			if (!values.count(arguments[i]) || i + 1 == count)
				throw std::invalid_argument(std::string("no such flag, or no value: ") + arguments[i]);
			values[arguments[i]] = arguments[i + 1];
		}
		if (values["--target"].empty())
			throw std::invalid_argument("--target is missing");
	}

	double number(const std::string &flag) const
	{
		return std::stod(values.at(flag));
	}

	std::vector<size_t> bodies() const
	{
		std::vector<size_t> sizes;
		std::istringstream text(values.at("--bodies"));
		for (std::string size; std::getline(text, size, ',');)
			sizes.push_back(std::stoul(size));
		return sizes;
	}
};

std::string quoted(const std::string &text)
{
	std::string out = "\"";
	for (unsigned char c : text) {
		if (c == '"' || c == '\\')
			out += '\\';
		out += c < ' ' ? ' ' : static_cast<char>(c);
	}
	return out + '"';
}

std::string json(const std::map<std::string, int> &counts)
{
	std::string out;
	for (const auto &[name, count] : counts)
		out += (out.empty() ? "" : ", ") + quoted(name) + ": " + std::to_string(count);
	return "{" + out + "}";
}

/// Counts, printed as one JSON object a line.
class Report
{
	std::mutex mutex;
	int ok = 0, failures = 0;
	std::map<std::string, int> errors, by_server;
	std::map<int, std::set<std::string>> connections; // by channel: the servers and peers seen

      public:
	/// Our servers say in the trailers who they are and from where they saw the call come.
	void succeeded(int channel, const std::string &server, const std::string &peer)
	{
		std::lock_guard guard(mutex);
		ok++;
		by_server[server]++;
		connections[channel].insert(server + " " + peer);
	}

	void fail(const std::string &text)
	{
		std::lock_guard guard(mutex);
		failures++;
		errors[text.substr(0, 160)]++;
	}

	int failed()
	{
		std::lock_guard guard(mutex);
		return failures;
	}

	void show(const std::string &event)
	{
		std::lock_guard guard(mutex);
		size_t seen = 0;
		for (const auto &[channel, each] : connections)
			seen += each.size();
		std::cout << "{\"event\": " << quoted(event) << ", \"ok\": " << ok << ", \"failed\": " << failures
			  << ", \"errors\": " << json(errors) << ", \"connections\": " << seen
			  << ", \"reconnects\": " << seen - connections.size() << ", \"by_server\": " << json(by_server)
			  << "}" << std::endl;
	}
};

/// SHA-256(seed ‖ 0) ‖ … ‖ SHA-256(seed ‖ 2046), all numbers as 8 bytes, big-endian.
std::string pattern(uint64_t seed)
{
	std::string bytes;
	for (uint64_t counter = 0; counter < 2047; counter++) {
		unsigned char input[16], digest[SHA256_DIGEST_LENGTH];
		for (int i = 0; i < 8; i++) {
			input[i] = static_cast<unsigned char>(seed >> (56 - 8 * i));
			input[8 + i] = static_cast<unsigned char>(counter >> (56 - 8 * i));
		}
		bytes.append(reinterpret_cast<char *>(SHA256(input, sizeof input, digest)), sizeof digest);
	}
	return bytes;
}

/// The first `size` bytes of the seed's pattern repeated for ever.
std::string body(int seed, size_t size)
{
	static const std::vector<std::string> patterns = [] {
		std::vector<std::string> all;
		for (int each = 0; each < seeds; each++)
			all.push_back(pattern(each));
		return all;
	}();
	std::string bytes;
	while (bytes.size() < size)
		bytes.append(patterns[seed], 0, size - bytes.size());
	return bytes;
}

int random(int low, int high)
{
	thread_local std::mt19937 generator{std::random_device{}()};
	return std::uniform_int_distribution(low, high)(generator);
}

ByteBuffer buffer(const std::string &bytes)
{
	grpc::Slice slice(bytes);
	return ByteBuffer(&slice, 1);
}

std::string bytes(const ByteBuffer &buffer)
{
	std::vector<grpc::Slice> slices;
	std::string all;
	if (buffer.Dump(&slices).ok())
		for (const auto &slice : slices)
			all.append(reinterpret_cast<const char *>(slice.begin()), slice.size());
	return all;
}

std::atomic<bool> stopped = false;

/// Calls on one channel, which has a TCP connection of its own.
class Caller
{
	int number;
	const Options &options;
	Report &report;
	Clock::time_point end;
	std::shared_ptr<grpc::Channel> channel;

      public:
	Caller(int number, const Options &options, Report &report, Clock::time_point end)
	    : number(number), options(options), report(report), end(end)
	{
		grpc::ChannelArguments arguments;
		arguments.SetInt("grpc.use_local_subchannel_pool", 1);
		arguments.SetInt("grpc.enable_http_proxy", 0);
		arguments.SetMaxReceiveMessageSize(-1);
		channel = grpc::CreateCustomChannel(options.values.at("--target"), grpc::InsecureChannelCredentials(),
						    arguments);
	}

	Seconds time_left() const
	{
		return stopped ? Seconds{0} : Seconds(end - Clock::now());
	}

	void unary_calls(int worker)
	{
		const auto sizes = options.bodies();
		const std::chrono::duration<double, std::milli> pause(options.number("--pause-milliseconds"));
		for (size_t turn = worker; time_left() > Seconds{0}; turn++) { // workers start at different sizes
			std::string payload(random(1, 3000), '\0');
			for (auto &each : payload)
				each = static_cast<char>(random(0, 255));
			unary("Echo", payload, payload);
			const size_t size = sizes[turn % sizes.size()];
			const int seed = random(0, seeds - 1);
			unary("Body",
			      "{\"bytes\": " + std::to_string(size) + ", \"seed\": " + std::to_string(seed) + "}",
			      body(seed, size));
			std::this_thread::sleep_for(pause);
		}
	}

	/// The first at once; another only if it can end in time.
	void long_streams()
	{
		const Seconds length(options.number("--stream-seconds"));
		const int milliseconds = static_cast<int>(options.number("--tick-milliseconds"));
		const int count = static_cast<int>(length.count() * 1000 / milliseconds + 0.5);
		do
			stream(milliseconds, count, length);
		while (time_left() >= length);
	}

      private:
	void unary(const std::string &method, const std::string &request, const std::string &expected)
	{
		grpc::ClientContext context;
		set_deadline(context, slack);
		ByteBuffer answer;
		const std::string path = service + method;
		const auto status = grpc::internal::BlockingUnaryCall<ByteBuffer, ByteBuffer>(
		    channel.get(), RpcMethod(path.c_str(), RpcMethod::NORMAL_RPC), &context, buffer(request), &answer);
		count(method, context, status, status.ok() && bytes(answer) == expected);
	}

	void stream(int milliseconds, int wanted, Seconds length)
	{
		grpc::ClientContext context;
		set_deadline(context, length + slack);
		const std::string path = service + "Ticks";
		const ByteBuffer request = buffer("{\"milliseconds\": " + std::to_string(milliseconds) +
						  ", \"count\": " + std::to_string(wanted) + "}");
		std::unique_ptr<grpc::ClientReader<ByteBuffer>> reader(
		    grpc::internal::ClientReaderFactory<ByteBuffer>::Create(
			channel.get(), RpcMethod(path.c_str(), RpcMethod::SERVER_STREAMING), &context, request));
		ByteBuffer message;
		int received = 0;
		bool exact = true;
		while (reader->Read(&message))
			exact = exact && bytes(message) == std::to_string(received++);
		const auto status = reader->Finish();
		count("Ticks", context, status, exact && received == wanted);
	}

	void set_deadline(grpc::ClientContext &context, Seconds limit)
	{
		context.set_deadline(std::chrono::system_clock::now() +
				     std::chrono::duration_cast<std::chrono::system_clock::duration>(limit));
	}

	void count(const std::string &method, const grpc::ClientContext &context, const grpc::Status &status,
		   bool exact)
	{
		if (!status.ok()) {
			report.fail(method + ": code " + std::to_string(status.error_code()) + ": " +
				    status.error_message());
		} else if (!exact) {
			report.fail(method + ": wrong answer");
		} else {
			report.succeeded(number, trailer(context, "x-server"), trailer(context, "x-peer"));
		}
	}

	static std::string trailer(const grpc::ClientContext &context, const char *name)
	{
		const auto &trailers = context.GetServerTrailingMetadata();
		const auto found = trailers.find(name);
		return found == trailers.end() ? "" : std::string(found->second.data(), found->second.size());
	}
};

int run(const Options &options)
{
	Report report;
	body(0, 0); // makes the patterns, before there are threads
	std::signal(SIGTERM, [](int) { stopped = true; });
	const auto end =
	    Clock::now() + std::chrono::duration_cast<Clock::duration>(Seconds(options.number("--seconds")));
	std::thread([&report] {
		for (;;) {
			std::this_thread::sleep_for(Seconds{1});
			report.show("progress");
		}
	}).detach();
	std::vector<std::unique_ptr<Caller>> callers;
	std::vector<std::thread> threads;
	for (int number = 0; number < options.number("--channels"); number++) {
		callers.push_back(std::make_unique<Caller>(number, options, report, end));
		Caller *caller = callers.back().get();
		for (int worker = 0; worker < options.number("--concurrency"); worker++)
			threads.emplace_back([=] { caller->unary_calls(worker); });
		for (int i = 0; i < options.number("--streams"); i++)
			threads.emplace_back([=] { caller->long_streams(); });
	}
	for (auto &thread : threads)
		thread.join();
	report.show("done");
	std::_Exit(report.failed() == 0 ? 0 : 1); // the thread that shows progress never ends
}

} // namespace

int main(int count, char **arguments)
{
	try {
		return run(Options(count, arguments));
	} catch (const std::logic_error &error) {
		std::cerr << arguments[0] << ": " << error.what() << std::endl;
		return 64;
	}
}
