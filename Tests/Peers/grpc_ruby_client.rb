# A gRPC client of Ruby's grpc (C-core): a thread for each call at once, every answer verified byte for byte.

require "digest"
require "grpc"
require "json"
require "optparse"
require "set"

SERVICE = "/evenkeel.lab.Echo/"
SEEDS = 16
SLACK = 30 # seconds a call may take beyond what it asks for
RAW = ->(bytes) { bytes } # messages are plain bytes

# Counts, printed as one JSON object a line.
class Report
  def initialize
    @mutex = Mutex.new
    @ok = 0
    @errors = Hash.new(0)
    @by_server = Hash.new(0)
    @connections = Hash.new { |seen, channel| seen[channel] = Set.new }
  end

  def failed = @errors.values.sum

  # Our servers say in the trailers who they are and from where they saw the call come.
  def succeeded(trailers, channel)
    @mutex.synchronize do
      @ok += 1
      @by_server[trailers["x-server"]] += 1
      @connections[channel] << [trailers["x-server"], trailers["x-peer"]]
    end
  end

  def fail(text)
    @mutex.synchronize { @errors[text[0, 160]] += 1 }
  end

  def show(event)
    @mutex.synchronize do
      connections = @connections.values.sum(&:size)
      puts JSON.generate(event:, ok: @ok, failed:, errors: @errors, connections:,
                         reconnects: connections - @connections.size, by_server: @by_server)
      $stdout.flush
    end
  end
end

# SHA-256(seed ‖ 0) ‖ … ‖ SHA-256(seed ‖ 2046) of each seed, all numbers as 8 bytes, big-endian.
PATTERNS = Array.new(SEEDS) do |seed|
  (0...2047).map { |counter| Digest::SHA256.digest([seed, counter].pack("Q>Q>")) }.join
end

# The first `size` bytes of the seed's pattern repeated for ever.
def body(seed, size)
  pattern = PATTERNS[seed]
  (pattern * (size / pattern.bytesize + 1)).byteslice(0, size)
end

# Calls on one channel, which has a TCP connection of its own.
class Caller
  def initialize(number, options, report, time_left)
    @number, @options, @report, @time_left = number, options, report, time_left
    @stub = GRPC::ClientStub.new(options[:target], :this_channel_is_insecure, channel_args: {
      "grpc.use_local_subchannel_pool" => 1, "grpc.max_receive_message_length" => -1, "grpc.enable_http_proxy" => 0,
      "grpc.primary_user_agent" => "channel-#{number}", # channels of the same arguments share one connection
    })
  end

  def unary_calls(worker)
    sizes = @options[:bodies].rotate(worker).cycle # workers start at different sizes
    while @time_left.call.positive?
      payload = Random.bytes(rand(1..3000))
      check("Echo", payload, [payload])
      size, seed = sizes.next, rand(SEEDS)
      check("Body", JSON.generate(bytes: size, seed:), [body(seed, size)])
      sleep @options[:pause] / 1000
    end
  end

  # The first at once; another only if it can end in time.
  def long_streams
    seconds, milliseconds = @options[:stream_seconds], @options[:tick]
    count = (seconds * 1000 / milliseconds).round
    expected = Array.new(count, &:to_s)
    loop do
      check("Ticks", JSON.generate(milliseconds:, count:), expected, seconds)
      break if @time_left.call < seconds
    end
  end

  private

  def check(method, request, expected, seconds = 0)
    answer, trailers = call(method, request, Time.now + seconds + SLACK)
    if answer.map(&:b) == expected.map(&:b)
      @report.succeeded(trailers, @number)
    else
      @report.fail("#{method}: wrong answer, #{answer.size} messages instead of #{expected.size}")
    end
  rescue GRPC::BadStatus => error
    @report.fail("#{method}: #{error.class.name.delete_prefix("GRPC::")}: #{error.details}")
  end

  def call(method, request, deadline)
    streaming = method == "Ticks"
    make = streaming ? @stub.method(:server_streamer) : @stub.method(:request_response)
    operation = make.call(SERVICE + method, request, RAW, RAW, deadline:, return_op: true)
    answer = streaming ? operation.execute.to_a : [operation.execute]
    [answer, operation.trailing_metadata]
  end
end

options = { seconds: 10.0, channels: 1, concurrency: 2, pause: 0.0, streams: 1, stream_seconds: 15.0, tick: 100,
            bodies: [1, 100, 1000, 16_379, 16_384, 65_535, 65_536, 300_000, 1_000_000, 4_194_304] }
OptionParser.new do |flags|
  flags.on("--target TARGET")
  flags.on("--seconds N", Float)
  flags.on("--channels N", Integer)
  flags.on("--concurrency N", Integer)
  flags.on("--bodies SIZES") { |sizes| options[:bodies] = sizes.split(",").map { |size| Integer(size) } }
  flags.on("--pause-milliseconds N", Float) { |pause| options[:pause] = pause }
  flags.on("--streams N", Integer)
  flags.on("--stream-seconds N", Float) { |seconds| options[:stream_seconds] = seconds }
  flags.on("--tick-milliseconds N", Integer) { |tick| options[:tick] = tick }
end.parse!(into: options)
abort "--target is missing" unless options[:target]

ending = Process.clock_gettime(Process::CLOCK_MONOTONIC) + options[:seconds]
trap("TERM") { ending = 0 }
time_left = -> { ending - Process.clock_gettime(Process::CLOCK_MONOTONIC) }
report = Report.new
progress = Thread.new { loop { sleep(1) && report.show("progress") } }
threads = (0...options[:channels]).flat_map do |number|
  caller = Caller.new(number, options, report, time_left)
  (0...options[:concurrency]).map { |worker| Thread.new { caller.unary_calls(worker) } } +
    (0...options[:streams]).map { Thread.new { caller.long_streams } }
end
threads.each(&:join)
progress.kill
report.show("done")
exit(report.failed.zero?)
