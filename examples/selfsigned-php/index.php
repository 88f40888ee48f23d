<?php

// The same as resize-php without an SDK: it signs its one request itself (OSS signature
// version 1, with the security token of the function's role).

function base64url_encode(string $data): string
{
    return rtrim(strtr(base64_encode($data), '+/', '-_'), '=');
}

function oss_post(array $credentials, string $endpoint, string $bucket, string $key, string $subresource, string $body): string
{
    $type = 'application/octet-stream';
    $date = gmdate('D, d M Y H:i:s \G\M\T');
    $toSign = implode("\n", [
        'POST',
        '', // no Content-MD5
        $type,
        $date,
        'x-oss-security-token:' . $credentials['securityToken'],
        "/$bucket/$key?$subresource",
    ]);
    $signature = base64_encode(hash_hmac('sha1', $toSign, $credentials['accessKeySecret'], true));

    $path = implode('/', array_map('rawurlencode', explode('/', $key)));
    $curl = curl_init("https://$bucket.$endpoint/$path?$subresource");
    curl_setopt_array($curl, [
        CURLOPT_POSTFIELDS => $body,
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_TIMEOUT => 30,
        CURLOPT_HTTPHEADER => [
            "Content-Type: $type",
            "Date: $date",
            'x-oss-security-token: ' . $credentials['securityToken'],
            "Authorization: OSS {$credentials['accessKeyId']}:$signature",
        ],
    ]);
    $answer = curl_exec($curl);
    if ($answer === false) {
        throw new RuntimeException('request to OSS failed: ' . curl_error($curl));
    }
    $status = curl_getinfo($curl, CURLINFO_RESPONSE_CODE);
    if ($status !== 200) {
        throw new RuntimeException("OSS answered $status: $answer");
    }
    return $answer;
}

function handler($event, $context)
{
    $record = json_decode($event, true)['events'][0];
    $bucket = $record['oss']['bucket']['name'];
    $source = $record['oss']['object']['key'];
    $target = preg_replace('#^source/#', 'processed/', $source);
    if ($target === $source) {
        echo "$source is not under source/: nothing to do\n";
        return null;
    }

    echo "resizing $bucket/$source to $target\n";
    oss_post(
        $context['credentials'],
        'oss-' . $record['region'] . '-internal.aliyuncs.com',
        $bucket,
        $source,
        'x-oss-process',
        'x-oss-process=image/resize,m_fixed,w_128,h_128'
            . '|sys/saveas,o_' . base64url_encode($target) . ',b_' . base64url_encode($bucket)
    );
    return $target;
}
