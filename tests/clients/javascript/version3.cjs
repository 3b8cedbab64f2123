// A program with version 3 of the SDK.
"use strict";

const Alpaca = require("alpaca-3");
const { say, obey, follow, connect, ping } = require("./lines.cjs");

let alpaca;
let streams;

obey({
  open({ recipe }) {
    const made = follow(recipe, Alpaca, ["alpaca", "stocks"]);
    alpaca = made.alpaca;
    const crypto = alpaca.crypto_stream_v1beta3;
    const account = alpaca.trade_ws;
    streams = { stocks: made.stocks, crypto, account };
    for (const [stream, client] of Object.entries(streams)) {
      client.onError((error) => say("error", { stream, error }));
      client.onStateChange((state) => say("state", { stream, state }));
      // The SDK subscribes anew after a reconnect only where a program listens for the connection.
      client.onConnect(() => (stream === "account" ? account.subscribe(["trade_updates"]) : say("connected", { stream })));
    }
    streams.stocks.onStockTrade((data) => say("trade", { stream: "stocks", data }));
    streams.stocks.onStockQuote((data) => say("quote", { stream: "stocks", data }));
    crypto.onCryptoQuote((data) => say("quote", { stream: "crypto", data }));
    crypto.onCryptoOrderbook((data) => say("orderbook", { stream: "crypto", data }));
    account.onOrderUpdate((data) => say("update", { stream: "account", data }));
  },
  connect: ({ stream }) => connect(stream, streams[stream]),
  ping: ({ stream }) => ping(streams[stream]),
  call: ({ stream, method, symbols }) => streams[stream][method](symbols),
  subscriptions: ({ stream }) => streams[stream].getSubscriptions(),
  account: () => alpaca.getAccount(),
  quote: ({ symbol }) => alpaca.getLatestQuote(symbol),
  order: ({ order }) => alpaca.createOrder(order),
  cancel: ({ id }) => alpaca.cancelOrder(id),
});
