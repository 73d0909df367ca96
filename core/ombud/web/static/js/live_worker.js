// One for all tabs of a browser: HTTP/1.1 allows six connections to a server, and eight tabs must work.
import { Line } from "./live_line.js";

const line = new Line();
let tabs = 0;

self.onconnect = (event) => {
  const port = event.ports[0];
  const id = (tabs += 1);
  port.onmessage = ({ data }) => line.hear(id, data, (message) => port.postMessage(message));
  port.start();
};
