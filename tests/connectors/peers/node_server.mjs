// A server on node-opcua, journalled like the others: every value set stands in the journal.
import fs from "node:fs";
import { DataType, OPCUAServer, StatusCodes, Variant } from "node-opcua";

const settings = JSON.parse(process.argv[2]);
const server = new OPCUAServer({
  port: settings.port,
  host: "127.0.0.1",
  hostname: "127.0.0.1",
  resourcePath: "",
  serverCertificateManager: undefined,
  allowAnonymous: true,
  buildInfo: { productName: "counters" },
});
await server.initialize();
const space = server.engine.addressSpace;
const own = space.getOwnNamespace();
let parent = space.rootFolder.objects;
for (const name of ["Plant", "Line", "Machine"]) {
  parent = own.addObject(parent === space.rootFolder.objects
    ? { organizedBy: parent, browseName: name } : { componentOf: parent, browseName: name });
}
const nodes = [];
for (let at = 0; at < settings.signals; at += 1) {
  nodes.push(own.addVariable({ componentOf: parent, browseName: `Counter${at}`, dataType: "Double" }));
}
await server.start();
const journal = fs.openSync(settings.journal, "a");
console.log("ready");
let value = 0;
setInterval(() => {
  value += 1;
  const now = new Date();
  for (const node of nodes) {
    node.setValueFromSource(new Variant({ dataType: DataType.Double, value }), StatusCodes.Good, now);
  }
  fs.writeSync(journal, `${JSON.stringify({ value, ts: now.toISOString() })}\n`);
}, settings.period_s * 1000);
