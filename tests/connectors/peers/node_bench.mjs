// node-opcua's client as a process of `tundish bench opcua`: counts and sums what each changed value holds.
import {
  AttributeIds, ClientMonitoredItemGroup, MessageSecurityMode, OPCUACertificateManager, OPCUAClient, SecurityPolicy,
  TimestampsToReturn,
} from "node-opcua";

const settings = JSON.parse(process.argv[2]);
const STATUS_WEIGHT = 1000;
let count = 0;
let total = 0;
let values = 0;
let first = null;
let start = null;
let setupS = 0;

function weigh(variant) {
  const value = variant.value;
  if (typeof value === "number") return value;
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value === "string") return value.length;
  // Whole numbers of 64 bits come as two halves; everything else here is an array of numbers.
  if (variant.dataType === 8 || variant.dataType === 9) return value[0] * 2 ** 32 + value[1];
  return value.reduce((sum, one) => sum + one, 0);
}

function changed(_item, data) {
  total += weigh(data.value) + (data.statusCode.value ? STATUS_WEIGHT : 0);
  values += 1;
  count += 1;
  if (count === settings.each) {
    count = 0;
    boundary();
  }
}

function cpuS() {
  const used = process.cpuUsage();
  return (used.user + used.system) / 1e6;
}

function boundary() {
  const now = performance.now() / 1000;
  if (first === null) first = now;
  else if (start === null) {
    if (now - first >= settings.warm_s) start = { now, cpu: cpuS(), values };
  } else if (now - start.now >= settings.seconds) {
    console.log(JSON.stringify({
      values: values - start.values, wall_s: now - start.now, cpu_s: cpuS() - start.cpu,
      all_values: values, checksum: total, setup_s: setupS,
    }));
    process.exit(0);
  }
}

const manager = new OPCUACertificateManager({ rootFolder: `${settings.folder}/node-pki`, automaticallyAcceptUnknownCertificate: true });
await manager.initialize();
const client = OPCUAClient.create({
  endpointMustExist: false,
  applicationUri: "urn:tundish:bench:client",
  keepSessionAlive: false,
  clientCertificateManager: manager,
  connectionStrategy: { maxRetry: 1 },
  ...(settings.encrypted ? {
    securityMode: MessageSecurityMode.SignAndEncrypt,
    securityPolicy: SecurityPolicy.Basic256Sha256,
    certificateFile: `${settings.folder}/client.crt.pem`,
    privateKeyFile: `${settings.folder}/client.pem`,
  } : {}),
});
await client.connect(settings.url);
const session = await client.createSession();
const began = performance.now();
const subscription = await session.createSubscription2({
  requestedPublishingInterval: 500, requestedLifetimeCount: 1000, requestedMaxKeepAliveCount: 10,
  maxNotificationsPerPublish: 0, publishingEnabled: true, priority: 0,
});
for (let at = 0; at < settings.items; at += 1000) {
  const wanted = [];
  for (let one = at; one < Math.min(settings.items, at + 1000); one += 1) {
    wanted.push({ nodeId: `ns=1;i=${one + 1}`, attributeId: AttributeIds.Value });
  }
  const group = ClientMonitoredItemGroup.create(
    subscription, wanted, { samplingInterval: 0, queueSize: 100, discardOldest: true }, TimestampsToReturn.Both);
  group.on("changed", changed);
  await new Promise((resolve) => { group.on("initialized", resolve); });
}
setupS = (performance.now() - began) / 1000;
