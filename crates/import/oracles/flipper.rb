# What Flipper answers for tests/fixtures/flipper/export.json.
require "json"
require "flipper"

folder = File.join(__dir__, "../tests/fixtures/flipper")
source = File.read(File.join(folder, "export.json"))
Flipper.configure { |config| config.adapter { Flipper::Adapters::Memory.new } }
Flipper.import(Flipper::Exporters::Json::Export.new(contents: source))

Caller = Struct.new(:flipper_id, :flipper_properties)
Flipper.register(:admins) { |actor, _| actor.flipper_properties["flipper_groups"] == "admins" }

contexts = (0...300).map do |i|
  caller = { "targetingKey" => "User;#{i}" }
  pick = lambda do |name, list|
    value = list[(i * 7 + name.length * 3 + (i >> 3)) % list.length]
    caller[name] = value unless value.nil?
  end
  pick.("plan", ["basic", "pro", nil, "team"])
  pick.("age", [17, 18, 42.5, nil, 64])
  pick.("level", ["5", "18", 18, nil, 7])
  pick.("beta", [true, false, nil])
  pick.("company", ["c-#{i % 40}", "c-#{i % 7}"])
  pick.("since", ["2025-01-01", "2026-06-30", nil])
  pick.("flipper_groups", [nil, "admins", nil, "staff"])
  caller
end

answers = JSON.parse(source)["features"].keys.to_h do |name|
  codes = contexts.map do |caller|
    begin
      properties = caller.reject { |key, _| key == "targetingKey" }
      Flipper.enabled?(name, Caller.new(caller["targetingKey"], properties)) ? "+" : "-"
    rescue ArgumentError
      # Ruby does not compare a string with a number.
      "-"
    end
  end
  [name, { variants: [], codes: codes.join }]
end
text = JSON.generate({ contexts: contexts, answers: answers }).gsub('},"', "},\n\"")
File.write(File.join(folder, "answers.json"), text + "\n")
