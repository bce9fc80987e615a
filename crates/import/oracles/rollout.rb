# Records what the gem rollout decides.
#
#     apt-get install ruby-rollout ruby-redis
#     ruby rollout.rb redis://127.0.0.1:6379/9 ../tests/fixtures/rollout     # the database is emptied

require "json"
require "redis"
require "rollout"

url, folder = ARGV
redis = Redis.new(url: url)

# As callers.py.
forms = [
  ->(n) { "user-#{n}" },
  ->(n) { (447568110000 + 7919 * n).to_s },
  ->(n) { n.to_s },
  ->(n) { format("%08x@example.com", n * 2654435761 % 2**32) },
  ->(n) { "Zoë #{n} 01" },
]
callers = (0...1000).map { |n| forms[n % 5].call(n) }

[false, true].each do |randomize|
  redis.flushdb
  rollout = Rollout.new(redis, randomize_percentage: randomize, logging: { history_length: 5, global: true })
  rollout.define_group(:beta) { |user| user.end_with?("7") }

  rollout.activate(:everybody)
  rollout.activate_percentage(:half, 50)
  rollout.activate_percentage(:eighth, 12.5)
  rollout.activate_percentage(:tenth_of_a_percent, 0.1)
  rollout.activate_percentage(:almost, 99.999)
  rollout.activate_percentage("with users", 20)
  rollout.activate_users("with users", ["user-0", "user-5", "447568117919", "Zoë 4 01"])
  rollout.activate_users(:users_only, [2, 7, 12, "user-10"])
  rollout.activate_group(:everybody_signed_in, :all)
  rollout.activate_percentage(:data, 33.3)
  rollout.set_feature_data(:data, "owner" => "web", "ticket" => 17, "beta" => true)
  rollout.deactivate(:off)
  rollout.activate_percentage(:third, 33)
  # The block of a group is in the program alone: what it adds is not in Redis.
  rollout.activate_percentage(:group, 10)
  rollout.activate_group(:group, :beta)

  source = redis.keys("*").sort.to_h { |key| [key, redis.type(key) == "string" ? redis.get(key) : nil] }
  answers = rollout.features.sort.to_h do |feature|
    [feature, callers.map { |caller| rollout.active?(feature, caller) ? "1" : "0" }.join]
  end
  anonymous = rollout.features.sort.to_h { |feature| [feature, rollout.active?(feature) ? "1" : "0"] }
  name = randomize ? "randomized.json" : "plain.json"
  recorded = { source: source, callers: callers, answers: answers, anonymous: anonymous }
  block = lambda do |value|
    next value.to_json unless value.is_a?(Hash)
    "{\n" + value.map { |key, item| "#{key.to_json}: #{item.to_json}" }.join(",\n") + "\n}"
  end
  fields = recorded.map { |key, value| "#{key.to_json}: #{block.call(value)}" }.join(",\n")
  File.write(File.join(folder, name), "{" + fields + "}\n")
end
redis.flushdb
