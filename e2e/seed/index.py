"""
This sample code shows you how to perform the following operations:
* Get OSS processing-related information from the event.
* Initialize the OSS client with the target bucket.
* Resize the source image and save it to a destination directory.
"""

# -*- coding: utf-8 -*-
import oss2, json
import base64

def handler(event, context):
    # Obtain key information from context.credentials.
    print("The content in context entity is: \n")
    print(context)
    creds = context.credentials

    # Configure authentication for the OSS SDK.
    auth = oss2.StsAuth(
        creds.access_key_id,
        creds.access_key_secret,
        creds.security_token)

    print("The content in event entity is: \n")
    print(event)
    # Load event content.
    oss_raw_data = json.loads(event)
    # Get OSS event parameters passed by the OSS trigger.
    oss_info_map = oss_raw_data['events'][0]['oss']
    # Get the OSS bucket name.
    bucket_name = oss_info_map['bucket']['name']
    # Set the OSS endpoint.
    endpoint = 'oss-' + oss_raw_data['events'][0]['region'] + '-internal.aliyuncs.com'
    # Initialize the OSS client.
    bucket = oss2.Bucket(auth, endpoint, bucket_name)
    object_name = oss_info_map['object']['key']

    # Download the original image from the OSS bucket.
    remote_stream = bucket.get_object(object_name)
    if not remote_stream:
        print(f'{object_name} does not exist in bucket {bucket_name}')
        return
    # Processed images are saved to the processed/ directory.
    processed_path = object_name.replace('source/', 'processed/')

    # Resize the image to a fixed width and height of 128 px.
    style = 'image/resize,m_fixed,w_128,h_128'
    # Specify the name of the processed image. If the image is not in the root directory of the bucket, you must specify the full path of the image. Example: exampledir/example.jpg.
    process = "{0}|sys/saveas,o_{1},b_{2}".format(style,
        oss2.compat.to_string(base64.urlsafe_b64encode(oss2.compat.to_bytes(processed_path))),
        oss2.compat.to_string(base64.urlsafe_b64encode(oss2.compat.to_bytes(bucket_name))))
    result = bucket.process_object(object_name, process)
    print(result)
