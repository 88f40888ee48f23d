'use strict';

// Runs for every picture uploaded under source/ and saves a 128×128 copy of it under
// processed/. The OSS service resizes and saves; no pixel passes through this function.
const OSS = require('ali-oss');

exports.handler = async (event, context) => {
  const { region, oss } = JSON.parse(event.toString()).events[0];
  const bucket = oss.bucket.name;
  const source = oss.object.key;
  const target = source.replace(/^source\//, 'processed/');
  if (target === source) {
    // Writing the result over the picture would trigger this function again, for ever.
    console.log(`${source} is not under source/: nothing to do`);
    return null;
  }

  const { accessKeyId, accessKeySecret, securityToken } = context.credentials;
  const client = new OSS({
    region: `oss-${region}`,
    endpoint: `https://oss-${region}-internal.aliyuncs.com`,
    accessKeyId,
    accessKeySecret,
    stsToken: securityToken,
    bucket,
  });

  console.log(`resizing ${bucket}/${source} to ${target}`);
  const { res } = await client.processObjectSave(source, target, 'image/resize,m_fixed,w_128,h_128', bucket);
  // Unlike the SDK's other methods, this one does not throw when the service refuses. Only
  // a function that fails is run again, and seen.
  if (res.status !== 200) {
    throw new Error(`saving ${target} failed with status ${res.status}: ${res.data}`);
  }
  return target;
};
