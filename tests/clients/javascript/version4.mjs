// A program with version 4 of the SDK.
import { Alpaca } from "alpaca-4";
import { say, obey, follow, connect, ping } from "./lines.cjs";

let alpaca;
let streams;

/** Orders in the SDK's own spelling. */
const spelled = ({ time_in_force: timeInForce, limit_price: limitPrice, ...rest }) => ({ ...rest, timeInForce, limitPrice });

obey({
  open({ recipe }) {
    const made = follow(recipe, Alpaca, ["alpaca", "stocks", "crypto", "account"]);
    alpaca = made.alpaca;
    const { stocks, crypto, account } = made;
    streams = { stocks, crypto, account };
    for (const [stream, client] of Object.entries(streams)) {
      client.on("error", (error) => say("error", { stream, error }));
      client.on("state_change", (state) => say("state", { stream, state }));
    }
    stocks.onTrade((data) => say("trade", { stream: "stocks", data }));
    stocks.onQuote((data) => say("quote", { stream: "stocks", data }));
    crypto.onQuote((data) => say("quote", { stream: "crypto", data }));
    crypto.onOrderbook((data) => say("orderbook", { stream: "crypto", data }));
    account.onTradeUpdate((data) => say("update", { stream: "account", data }));
    account.subscribeTradeUpdates();
  },
  connect: ({ stream }) => connect(stream, streams[stream]),
  ping: ({ stream }) => ping(streams[stream]),
  call: ({ stream, method, symbols }) => streams[stream][method](symbols),
  subscriptions: ({ stream }) => streams[stream].getSubscriptions(),
  account: () => alpaca.trading.account.getAccount(),
  quote: async ({ symbol }) => (await alpaca.marketData.stocks.stockLatestQuoteSingle({ symbol })).quote,
  order: ({ order }) => alpaca.trading.orders.submit(spelled(order)),
  trade: ({ order }) => alpaca.trading.submitAndWait(spelled(order), { stream: streams.account }),
  cancel: ({ id }) => alpaca.trading.orders.deleteOrderByOrderID({ orderId: id }),
});
