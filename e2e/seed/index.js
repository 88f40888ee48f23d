"use strict";
/*
This sample code shows you how to perform the following operations:
* 1. Parse OSS event information from the event.
* 2. Initialize the OSS client based on the parsed information.
* 3. Resize the source image and save it to a destination directory in the same bucket.
*/

const OSS = require("ali-oss");

exports.handler = async function(event, context, callback) {
    console.log("The content in context entity is: \n");
    console.dir(context);

    const {accessKeyId, accessKeySecret, securityToken} = context.credentials;

    const events = JSON.parse(event.toString()).events;
    console.log("The content in event entity is: \n");
    console.dir(events);

    let objectName = events[0].oss.object.key;
    let region = events[0].region;
    let bucketName = events[0].oss.bucket.name;

    // Connect to the target OSS bucket.
    const client = new OSS({
        region: region,
        accessKeyId: accessKeyId,
        accessKeySecret: accessKeySecret,
        stsToken: securityToken,
        bucket: bucketName,
        endpoint: "https://oss-" + region + "-internal.aliyuncs.com"
    });

    console.log("The client entity is: \n");
    console.dir(events);

    const targetImage = objectName.replace("source/", "processed/")
    // Resize the image to a fixed width and height of 128 px.
    const processStr = "image/resize,m_fixed,w_128,h_128"
    // Resize the source image and save the processed image to the destination path.
    const result = await client.processObjectSave(
        objectName,
        targetImage,
        processStr,
        bucketName
    );
    console.log(result.res.status);

    callback(null, "done");
}
