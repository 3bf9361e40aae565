// A plant on node-opcua: many variables behind small limits, a method, a limit alarm that can be acknowledged.
import { DataType, OPCUAServer, StatusCodes, Variant } from "node-opcua";

const settings = JSON.parse(process.argv[2]);
const server = new OPCUAServer({
  port: settings.port,
  host: "127.0.0.1",
  hostname: "127.0.0.1",
  resourcePath: "",
  allowAnonymous: true,
  buildInfo: { productName: "plant" },
  serverCapabilities: {
    maxBrowseContinuationPoints: 2,
    operationLimits: { maxNodesPerBrowse: 100, maxNodesPerRead: 300 },
  },
});
await server.initialize();
const space = server.engine.addressSpace;
const own = space.getOwnNamespace();
space.installAlarmsAndConditionsService();
const plant = own.addObject({
  organizedBy: space.rootFolder.objects, browseName: "Plant", eventNotifier: 1, notifierOf: space.rootFolder.objects.server,
});
for (let folder = 0; folder < (settings.folders ?? 0); folder += 1) {
  const machine = own.addObject({ componentOf: plant, browseName: `M${folder}` });
  for (let at = 0; at < settings.each; at += 1) {
    own.addVariable({ componentOf: machine, browseName: `V${at}`, dataType: "Double" });
  }
}
const tank = own.addObject({ componentOf: plant, browseName: "Tank", eventSourceOf: plant });
const level = own.addVariable({ componentOf: tank, browseName: "Level", dataType: "Double", minimumSamplingInterval: 10 });
level.setValueFromSource(new Variant({ dataType: DataType.Double, value: 50 }));
own.instantiateExclusiveLimitAlarm("ExclusiveLimitAlarmType", {
  browseName: "LevelAlarm", conditionName: "LevelAlarm", conditionSource: tank, componentOf: tank, inputNode: level,
  highHighLimit: 95, highLimit: 90, lowLimit: 10, lowLowLimit: 5,
});
const setLevel = own.addMethod(tank, {
  browseName: "SetLevel",
  inputArguments: [{ name: "level", dataType: DataType.Double, description: { text: "wanted" } }],
  outputArguments: [{ name: "before", dataType: DataType.Double, description: { text: "until now" } }],
});
setLevel.bindMethod((input, _context, callback) => {
  const before = level.readValue().value.value;
  level.setValueFromSource(new Variant({ dataType: DataType.Double, value: input[0].value }));
  callback(null, {
    statusCode: StatusCodes.Good, outputArguments: [new Variant({ dataType: DataType.Double, value: before })],
  });
});
await server.start();
console.log("ready");
