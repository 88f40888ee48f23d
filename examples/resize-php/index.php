<?php

// Runs for every picture uploaded under source/ and saves a 128×128 copy of it under
// processed/. The OSS service resizes and saves; no pixel passes through this function.

use OSS\OssClient;

function base64url_encode(string $data): string
{
    return rtrim(strtr(base64_encode($data), '+/', '-_'), '=');
}

function handler($event, $context)
{
    $record = json_decode($event, true)['events'][0];
    $bucket = $record['oss']['bucket']['name'];
    $source = $record['oss']['object']['key'];
    if (!str_starts_with($source, 'source/')) {
        // Writing the result over the picture would trigger this function again, for ever.
        echo "$source is not under source/: nothing to do\n";
        return null;
    }
    $target = 'processed/' . substr($source, strlen('source/'));

    $credentials = $context['credentials'];
    $endpoint = 'oss-' . $record['region'] . '-internal.aliyuncs.com';
    $client = new OssClient(
        $credentials['accessKeyId'],
        $credentials['accessKeySecret'],
        $endpoint,
        false,
        $credentials['securityToken']
    );

    echo "resizing $bucket/$source to $target\n";
    $process = 'image/resize,m_fixed,w_128,h_128'
        . '|sys/saveas,o_' . base64url_encode($target) . ',b_' . base64url_encode($bucket);
    $client->processObject($bucket, $source, $process);

    return $target;
}
