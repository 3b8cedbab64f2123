// What a test and a program say to each other: JSON, one command or event a line.
"use strict";

const readline = require("node:readline");

/** Print an event. */
function say(event, fields = {}) {
  process.stdout.write(JSON.stringify({ event, ...fields }) + "\n");
}

/** Obey commands until the test closes the pipe: {"do": "open", …} calls commands.open({…}). */
function obey(commands) {
  const input = readline.createInterface({ input: process.stdin });
  input.on("line", async (line) => {
    const { do: name, ...args } = JSON.parse(line);
    try {
      say("done", { of: name, answer: (await commands[name](args)) ?? null });
    } catch (error) {
      const status = error.response?.status ?? error.status ?? null;
      say("failed", { of: name, status, error: error.message });
    }
  });
  input.on("close", () => process.exit(0));
  say("ready");
}

/** Run a recipe of `plugtui algos howto` as it is printed, and return the constants that it defines. */
function follow(recipe, Alpaca, names) {
  return new Function("Alpaca", `"use strict";\n${recipe}\nreturn { ${names.join(", ")} };`)(Alpaca);
}

/** Connect a stream, and tell what the SDK keeps to itself: the handshake, and the code of the close. */
function connect(name, stream) {
  stream.connect();
  const { conn } = stream;
  conn.on("open", () => say("opened", { stream: name, extensions: conn.extensions }));
  conn.on("close", (code, reason) => say("closed", { stream: name, code, reason: String(reason) }));
}

/** Ping on a stream's connection, as the SDK does every ten seconds, and wait for the pong. */
function ping(stream) {
  return new Promise((resolve) => {
    stream.conn.once("pong", () => resolve("pong"));
    stream.conn.ping();
  });
}

module.exports = { say, obey, follow, connect, ping };
