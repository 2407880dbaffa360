// A charge point on npm's ocpp-rpc, in strict mode: what it sends and what it is answered must match the schemas.
// usage: node charge_point.js ENDPOINT IDENTITY PROTOCOL; prints one JSON array: [[action, answer], ...]
const { RPCClient, createValidator } = require('ocpp-rpc');

// The package has the schemas of 2.1, but not under the ids by which it looks for them.
const schemas21 = require('ocpp-rpc/lib/schemas/ocpp2_1.json').map((schema) => ({
    ...schema, $id: schema.$id.replace(/Request$/, '.req').replace(/Response$/, '.conf'),
}));

const [endpoint, identity, protocol] = process.argv.slice(2);
const at = '2026-11-24T06:00:00Z';

const calls16 = (transactionId) => [
    ['BootNotification', { chargePointVendor: 'Vendor', chargePointModel: 'Wallbox XYZ' }],
    ['StatusNotification', { connectorId: 1, errorCode: 'NoError', status: 'Preparing' }],
    ['Authorize', { idTag: '04A2B3C4' }],
    ['StartTransaction', { connectorId: 1, idTag: '04A2B3C4', meterStart: 1000, timestamp: at }],
    ['MeterValues', { connectorId: 1, meterValue: [{ timestamp: at, sampledValue: [{ value: '1500' }] }] }],
    ['StopTransaction', { transactionId, meterStop: 2000, timestamp: at }],
    ['DataTransfer', { vendorId: 'com.example' }],
    ['Heartbeat', {}],
];

const event = (eventType, seqNo, triggerReason, more = {}) => ['TransactionEvent', {
    eventType, seqNo, triggerReason, timestamp: at, transactionInfo: { transactionId: `${identity}-1` },
    meterValue: [{ timestamp: at.replace(':00Z', `:0${seqNo}Z`), sampledValue: [{ value: 1000 + seqNo }] }], ...more,
}];

const token = { idToken: '04A2B3C4', type: 'ISO14443' };

const calls2x = () => [
    ['BootNotification', { reason: 'PowerUp', chargingStation: { vendorName: 'Vendor', model: 'Wallbox XYZ' } }],
    ['StatusNotification', { timestamp: at, connectorStatus: 'Occupied', evseId: 1, connectorId: 1 }],
    ['Authorize', { idToken: token }],
    event('Started', 0, 'Authorized', { evse: { id: 1, connectorId: 1 }, idToken: token }),
    event('Updated', 1, 'MeterValuePeriodic'),
    event('Ended', 2, 'StopAuthorized', { idToken: token }),
    ['SecurityEventNotification', { type: 'StartupOfTheDevice', timestamp: at }],
    ['NotifyEvent', { generatedAt: at, seqNo: 0, eventData: [{ eventId: 1, timestamp: at, trigger: 'Delta',
        actualValue: 'Available', eventNotificationType: 'HardWiredNotification',
        component: { name: 'Connector' }, variable: { name: 'AvailabilityState' } }] }],
    ['DataTransfer', { vendorId: 'com.example' }],
    ['Heartbeat', {}],
];

async function main() {
    const client = new RPCClient({
        endpoint, identity, protocols: [protocol], reconnect: false,
        strictMode: true, strictModeValidators: [createValidator('ocpp2.1', schemas21)],
    });
    client.on('strictValidationFailure', ({ error }) => { throw error; });
    await client.connect();
    if (client.protocol !== protocol) throw new Error(`the edge chose ${client.protocol}`);
    const answers = [];
    let transactionId = 0;
    const names = protocol === 'ocpp1.6' ? calls16(0) : calls2x();
    for (let index = 0; index < names.length; index++) {
        const [action, payload] = (protocol === 'ocpp1.6' ? calls16(transactionId) : names)[index];
        const answer = await client.call(action, payload);
        if (action === 'StartTransaction') transactionId = answer.transactionId;
        answers.push([action, answer]);
    }
    await client.close();
    console.log(JSON.stringify(answers));
}

main().catch((error) => { console.error(error); process.exit(1); });
