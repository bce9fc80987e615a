// What Togglz answers, by the rules of its source, with the hash codes and the properties of the JDK.
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.*;

public class Togglz {
    record Caller(String user, List<String> roles, String ip) {}

    record Feature(String name, boolean enabled, String strategy, Map<String, String> parameters) {}

    static List<String> split(String value, String separator) {
        List<String> found = new ArrayList<>();
        for (String part : value == null ? new String[0] : value.split(separator)) {
            if (!part.isBlank()) found.add(part.trim());
        }
        return found;
    }

    static boolean isActive(Feature feature, Caller caller) {
        if (!feature.enabled) return false;
        Map<String, String> parameters = feature.parameters;
        switch (feature.strategy) {
            case "":
                return true;
            case "username":
                return caller.user != null && split(parameters.get("users"), ",").contains(caller.user);
            case "gradual": {
                if (caller.user == null || caller.user.isBlank()) return false;
                int percentage = Integer.parseInt(parameters.get("percentage"));
                int hash = (caller.user.toLowerCase(Locale.ENGLISH).trim() + ":" + feature.name).hashCode();
                return percentage > 0 && Math.abs(hash) % 100 < percentage;
            }
            case "user-role":
                return split(parameters.get("roles"), ",").stream().anyMatch(caller.roles::contains);
            case "client-ip":
                // The networks below are of whole bytes.
                return split(parameters.get("ips"), "[\\s,]+").stream().anyMatch(part ->
                    part.equals(caller.ip) || part.endsWith(".0.0/16") && caller.ip.startsWith(part.replace("0.0/16", "")));
            case "release-date":
                return parameters.get("date").startsWith("20") && parameters.get("date").compareTo("2026-01-01") < 0;
            default:
                return false;
        }
    }

    static String serialized(Map<String, String> parameters) throws Exception {
        Properties properties = new Properties();
        properties.putAll(parameters);
        StringWriter writer = new StringWriter();
        properties.store(writer, null);
        List<String> lines = new ArrayList<>(writer.toString().lines().filter(line -> !line.startsWith("#")).toList());
        Collections.sort(lines);
        return String.join("\n", lines);
    }

    static String json(String text) {
        return text == null ? "null" : "\"" + text.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n") + "\"";
    }

    public static void main(String[] arguments) throws Exception {
        List<Feature> features = new ArrayList<>();
        features.add(new Feature("ON", true, "", Map.of()));
        features.add(new Feature("OFF", false, "username", Map.of("users", "user-1")));
        features.add(new Feature("USERS", true, "username", Map.of("users", "user-1, USER-7,, jürgen: =x ,user-30")));
        features.add(new Feature("ROLES", true, "user-role", Map.of("roles", "admin,editor")));
        features.add(new Feature("CLIENTS", true, "client-ip", Map.of("ips", "10.1.0.0/16, 192.168.0.7")));
        features.add(new Feature("RELEASED", true, "release-date", Map.of("date", "2024-05-01", "time", "10:00:00")));
        features.add(new Feature("LATER", true, "release-date", Map.of("date", "2090-05-01")));
        features.add(new Feature("SCRIPT", true, "script", Map.of("lang", "js", "script", "1 == 1")));
        features.add(new Feature("MINE", true, "mine", Map.of()));
        for (int share : new int[] {0, 1, 7, 25, 33, 50, 75, 99, 100, 150}) {
            features.add(new Feature("GRADUAL_" + share, true, "gradual", Map.of("percentage", "" + share)));
        }
        List<Caller> callers = new ArrayList<>();
        String[] names = {"user-%d", "USER-%d", " User %d ", "ü%d@example.com"};
        for (int i = 0; i < 700; i++) {
            String user = i % 50 == 49 ? null : i == 3 ? "jürgen: =x" : names[i % 4].formatted(i);
            List<String> roles = i % 7 == 0 ? List.of("admin", "dev") : i % 3 == 0 ? List.of("dev") : List.of();
            callers.add(new Caller(user, roles, i % 2 == 0 ? "10.1.2." + i % 250 : "192.168.0." + i % 20));
        }
        Path folder = Path.of(arguments[0]);
        StringBuilder rows = new StringBuilder(), contexts = new StringBuilder(), answers = new StringBuilder();
        for (Feature feature : features) {
            String separator = rows.isEmpty() ? "" : ",\n";
            String strategy = feature.strategy.isEmpty() ? null : feature.strategy;
            String parameters = feature.parameters.isEmpty() ? null : serialized(feature.parameters);
            rows.append(separator + "[%s,%s,%s,%s]".formatted(
                json(feature.name), json(feature.enabled ? "1" : "0"), json(strategy), json(parameters)));
            StringBuilder codes = new StringBuilder();
            for (Caller caller : callers) codes.append(isActive(feature, caller) ? '+' : '-');
            answers.append(separator + "%s:{\"codes\":\"%s\"}".formatted(json(feature.name), codes));
        }
        for (Caller caller : callers) {
            String roles = String.join(",", caller.roles.stream().map(Togglz::json).toList());
            contexts.append(contexts.isEmpty() ? "" : ",\n");
            contexts.append(caller.user == null ? "{" : "{\"targetingKey\":%s,".formatted(json(caller.user)));
            contexts.append("\"roles\":[%s],\"ip\":%s}".formatted(roles, json(caller.ip)));
        }
        Files.writeString(folder.resolve("tables.json"), "{\"TOGGLZ\":[\n" + rows + "]}\n");
        Files.writeString(folder.resolve("answers.json"),
            "{\"contexts\":[\n" + contexts + "],\n\"answers\":{\n" + answers + "}}\n");
    }
}
