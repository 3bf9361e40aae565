// A server on node-opcua, journalled like the others: every value set stands in the journal.
import fs from "node:fs";
import {
  DataType, MessageSecurityMode, OPCUACertificateManager, OPCUAServer, SecurityPolicy, StatusCodes, VariableIds,
  Variant,
} from "node-opcua";

const settings = JSON.parse(process.argv[2]);
const security = settings.security;
let secured = {};
if (security) {
  const manager = new OPCUACertificateManager({
    automaticallyAcceptUnknownCertificate: false,
    rootFolder: security.folder,
  });
  await manager.initialize();
  for (const path of security.trusted) {
    await manager.trustCertificate(fs.readFileSync(path));
  }
  secured = {
    serverCertificateManager: manager,
    certificateFile: security.certificate_pem,
    privateKeyFile: security.private_key,
    serverInfo: { applicationUri: security.uri },
    userManager: {
      isValidUser: (user, password) => user === security.user && password === security.password,
    },
    securityPolicies: [
      SecurityPolicy.None, SecurityPolicy.Basic256Sha256,
      SecurityPolicy.Aes128_Sha256_RsaOaep, SecurityPolicy.Aes256_Sha256_RsaPss,
    ],
    securityModes: [MessageSecurityMode.None, MessageSecurityMode.Sign, MessageSecurityMode.SignAndEncrypt],
  };
}
const server = new OPCUAServer({
  port: settings.port,
  host: "127.0.0.1",
  hostname: "127.0.0.1",
  resourcePath: "",
  serverCertificateManager: undefined,
  allowAnonymous: true,
  buildInfo: { productName: "counters" },
  serverCapabilities: settings.limits ?? {},
  ...secured,
});
await server.initialize();
const space = server.engine.addressSpace;
const own = space.getOwnNamespace();
let parent = space.rootFolder.objects;
for (const name of ["Plant", "Line", "Machine"]) {
  parent = own.addObject(parent === space.rootFolder.objects
    ? { organizedBy: parent, browseName: name } : { componentOf: parent, browseName: name });
}
if (settings.limits_unsaid) {
  // As a server does that has limits and does not tell them.
  for (const name of ["MaxNodesPerRead", "MaxNodesPerBrowse", "MaxMonitoredItemsPerCall"]) {
    const stated = space.findNode(`ns=0;i=${VariableIds[`Server_ServerCapabilities_OperationLimits_${name}`]}`);
    stated.bindVariable({ get: () => new Variant({ dataType: DataType.UInt32, value: 0 }) }, true);
  }
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
