/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages as they cross a border every day, for the parser's benchmark: a call from its INVITE
 * (941 bytes) to its end, a registration, and an INVITE out of a carrier's core. All names and
 * addresses are those set aside for documentation. */
#include "bench/micro/messages.h"

const struct bench_message bench_messages[] = {
	{
		"invite",
		"INVITE sip:+35316990141@198.51.100.20:5060;user=phone SIP/2.0\r\n"
		"Via: SIP/2.0/UDP 203.0.113.10:5060;branch=z9hG4bK-7f1c-2c9a1d40-5a3eb;rport\r"
		"\n"
		"Max-Forwards: 69\r\n"
		"From: \"Nora Byrne\" <sip:+35319604477@203.0.113.10;user=phone>;tag=4c1ef0a7-9"
		"d2\r\n"
		"To: <sip:+35316990141@198.51.100.20;user=phone>\r\n"
		"Call-ID: 6b1d0e55c2f84a7f93a8@203.0.113.10\r\n"
		"CSeq: 47201 INVITE\r\n"
		"Contact: <sip:+35319604477@203.0.113.10:5060;transport=udp>\r\n"
		"Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, PRACK, UPDATE, INFO, REFER\r\n"
		"Supported: timer, 100rel, replaces\r\n"
		"Session-Expires: 1800;refresher=uac\r\n"
		"P-Asserted-Identity: <sip:+35319604477@example.net;user=phone>\r\n"
		"User-Agent: EdgeGW/4.2\r\n"
		"Content-Type: application/sdp\r\n"
		"Content-Length: 244\r\n"
		"\r\n"
		"v=0\r\n"
		"o=- 3922881745 3922881745 IN IP4 203.0.113.57\r\n"
		"s=-\r\n"
		"c=IN IP4 203.0.113.57\r\n"
		"t=0 0\r\n"
		"m=audio 16462 RTP/AVP 8 0 18 101\r\n"
		"a=rtpmap:8 PCMA/8000\r\n"
		"a=rtpmap:0 PCMU/8000\r\n"
		"a=rtpmap:18 G729/8000\r\n"
		"a=fmtp:18 annexb=no\r\n"
		"a=rtpmap:101 telephone-event/8000\r\n",
	},
	{
		"trying",
		"SIP/2.0 100 Trying\r\n"
		"Via: SIP/2.0/UDP 203.0.113.10:5060;branch=z9hG4bK-7f1c-2c9a1d40-5a3eb;rport=50"
		"60\r\n"
		"From: \"Nora Byrne\" <sip:+35319604477@203.0.113.10;user=phone>;tag=4c1ef0a7-9"
		"d2\r\n"
		"To: <sip:+35316990141@198.51.100.20;user=phone>\r\n"
		"Call-ID: 6b1d0e55c2f84a7f93a8@203.0.113.10\r\n"
		"CSeq: 47201 INVITE\r\n"
		"Content-Length: 0\r\n"
		"\r\n",
	},
	{
		"ringing",
		"SIP/2.0 180 Ringing\r\n"
		"Via: SIP/2.0/UDP 203.0.113.10:5060;branch=z9hG4bK-7f1c-2c9a1d40-5a3eb;rport=50"
		"60;received=203.0.113.10\r\n"
		"Record-Route: <sip:198.51.100.9;lr;ftag=4c1ef0a7-9d2>\r\n"
		"From: \"Nora Byrne\" <sip:+35319604477@203.0.113.10;user=phone>;tag=4c1ef0a7-9"
		"d2\r\n"
		"To: <sip:+35316990141@198.51.100.20;user=phone>;tag=as5f2b91c0\r\n"
		"Call-ID: 6b1d0e55c2f84a7f93a8@203.0.113.10\r\n"
		"CSeq: 47201 INVITE\r\n"
		"Contact: <sip:gw7@198.51.100.20:5060>\r\n"
		"Require: 100rel\r\n"
		"RSeq: 8821\r\n"
		"Server: MediaGate 9.1\r\n"
		"Content-Length: 0\r\n"
		"\r\n",
	},
	{
		"prack",
		"PRACK sip:gw7@198.51.100.20:5060 SIP/2.0\r\n"
		"Via: SIP/2.0/UDP 203.0.113.10:5060;branch=z9hG4bK-7f1c-2c9a1d41-11d0;rport\r\n"
		"Route: <sip:198.51.100.9;lr;ftag=4c1ef0a7-9d2>\r\n"
		"Max-Forwards: 70\r\n"
		"From: \"Nora Byrne\" <sip:+35319604477@203.0.113.10;user=phone>;tag=4c1ef0a7-9"
		"d2\r\n"
		"To: <sip:+35316990141@198.51.100.20;user=phone>;tag=as5f2b91c0\r\n"
		"Call-ID: 6b1d0e55c2f84a7f93a8@203.0.113.10\r\n"
		"CSeq: 47202 PRACK\r\n"
		"Contact: <sip:+35319604477@203.0.113.10:5060;transport=udp>\r\n"
		"RAck: 8821 47201 INVITE\r\n"
		"Content-Length: 0\r\n"
		"\r\n",
	},
	{
		"answer",
		"SIP/2.0 200 OK\r\n"
		"Via: SIP/2.0/UDP 203.0.113.10:5060;branch=z9hG4bK-7f1c-2c9a1d40-5a3eb;rport=50"
		"60;received=203.0.113.10\r\n"
		"Record-Route: <sip:198.51.100.9;lr;ftag=4c1ef0a7-9d2>\r\n"
		"From: \"Nora Byrne\" <sip:+35319604477@203.0.113.10;user=phone>;tag=4c1ef0a7-9"
		"d2\r\n"
		"To: <sip:+35316990141@198.51.100.20;user=phone>;tag=as5f2b91c0\r\n"
		"Call-ID: 6b1d0e55c2f84a7f93a8@203.0.113.10\r\n"
		"CSeq: 47201 INVITE\r\n"
		"Contact: <sip:gw7@198.51.100.20:5060>\r\n"
		"Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, PRACK\r\n"
		"Supported: timer, 100rel\r\n"
		"Session-Expires: 1800;refresher=uac\r\n"
		"Server: MediaGate 9.1\r\n"
		"Content-Type: application/sdp\r\n"
		"Content-Length: 196\r\n"
		"\r\n"
		"v=0\r\n"
		"o=gw7 77120 1 IN IP4 198.51.100.20\r\n"
		"s=media\r\n"
		"c=IN IP4 198.51.100.21\r\n"
		"t=0 0\r\n"
		"m=audio 40212 RTP/AVP 8 101\r\n"
		"a=rtpmap:8 PCMA/8000\r\n"
		"a=rtpmap:101 telephone-event/8000\r\n"
		"a=fmtp:101 0-15\r\n"
		"a=ptime:20\r\n",
	},
	{
		"ack",
		"ACK sip:gw7@198.51.100.20:5060 SIP/2.0\r\n"
		"Via: SIP/2.0/UDP 203.0.113.10:5060;branch=z9hG4bK-7f1c-2c9a1d42-03bb;rport\r\n"
		"Route: <sip:198.51.100.9;lr;ftag=4c1ef0a7-9d2>\r\n"
		"Max-Forwards: 70\r\n"
		"From: \"Nora Byrne\" <sip:+35319604477@203.0.113.10;user=phone>;tag=4c1ef0a7-9"
		"d2\r\n"
		"To: <sip:+35316990141@198.51.100.20;user=phone>;tag=as5f2b91c0\r\n"
		"Call-ID: 6b1d0e55c2f84a7f93a8@203.0.113.10\r\n"
		"CSeq: 47201 ACK\r\n"
		"Contact: <sip:+35319604477@203.0.113.10:5060;transport=udp>\r\n"
		"Content-Length: 0\r\n"
		"\r\n",
	},
	{
		"bye",
		"BYE sip:+35319604477@203.0.113.10:5060;transport=udp SIP/2.0\r\n"
		"Via: SIP/2.0/UDP 198.51.100.9:5060;branch=z9hG4bK91ab.3f2c7e05.0\r\n"
		"Via: SIP/2.0/UDP 198.51.100.20:5060;branch=z9hG4bK5d01b7f2;rport=5060\r\n"
		"Max-Forwards: 69\r\n"
		"From: <sip:+35316990141@198.51.100.20;user=phone>;tag=as5f2b91c0\r\n"
		"To: \"Nora Byrne\" <sip:+35319604477@203.0.113.10;user=phone>;tag=4c1ef0a7-9d2"
		"\r\n"
		"Call-ID: 6b1d0e55c2f84a7f93a8@203.0.113.10\r\n"
		"CSeq: 102 BYE\r\n"
		"Contact: <sip:gw7@198.51.100.20:5060>\r\n"
		"Reason: Q.850;cause=16;text=\"Normal call clearing\"\r\n"
		"User-Agent: MediaGate 9.1\r\n"
		"Content-Length: 0\r\n"
		"\r\n",
	},
	{
		"bye-answer",
		"SIP/2.0 200 OK\r\n"
		"Via: SIP/2.0/UDP 198.51.100.9:5060;branch=z9hG4bK91ab.3f2c7e05.0\r\n"
		"Via: SIP/2.0/UDP 198.51.100.20:5060;branch=z9hG4bK5d01b7f2;rport=5060\r\n"
		"From: <sip:+35316990141@198.51.100.20;user=phone>;tag=as5f2b91c0\r\n"
		"To: \"Nora Byrne\" <sip:+35319604477@203.0.113.10;user=phone>;tag=4c1ef0a7-9d2"
		"\r\n"
		"Call-ID: 6b1d0e55c2f84a7f93a8@203.0.113.10\r\n"
		"CSeq: 102 BYE\r\n"
		"Contact: <sip:+35319604477@203.0.113.10:5060;transport=udp>\r\n"
		"Server: EdgeGateway/4.2\r\n"
		"Content-Length: 0\r\n"
		"\r\n",
	},
	{
		"cancel",
		"CANCEL sip:0014165550123@192.0.2.44 SIP/2.0\r\n"
		"Via: SIP/2.0/UDP 192.0.2.150;branch=z9hG4bKk2lqw9s8d7\r\n"
		"Max-Forwards: 70\r\n"
		"From: sip:4477@pbx.example.org;tag=9f00a1\r\n"
		"To: sip:0014165550123@192.0.2.44\r\n"
		"Call-ID: 1b3c-99f2-77aa-0c1d\r\n"
		"CSeq: 3 CANCEL\r\n"
		"Contact: <sip:4477@192.0.2.150>\r\n"
		"Content-Length: 0\r\n"
		"\r\n",
	},
	{
		"register",
		"REGISTER sip:example.org SIP/2.0\r\n"
		"Via: SIP/2.0/TLS 10.20.30.40:49152;branch=z9hG4bK.Pq8sWm2Lz;rport;alias\r\n"
		"From: <sip:alice@example.org>;tag=~kDj3Lq0x\r\n"
		"To: sip:alice@example.org\r\n"
		"CSeq: 21 REGISTER\r\n"
		"Call-ID: c0Yp-2Xk1W\r\n"
		"Max-Forwards: 70\r\n"
		"Supported: replaces, outbound, gruu, path\r\n"
		"Accept: application/sdp, text/plain, application/vnd.gsma.rcs-ft-http+xml\r\n"
		"Contact: <sip:alice@10.20.30.40:49152;transport=tls>;+sip.instance=\"<urn:uuid"
		":5f8d7a60-1b0c-4d65-9e9b-1a2b3c4d5e6f>\";q=0.7\r\n"
		"Expires: 600\r\n"
		"User-Agent: Softphone/5.2.0 (desk) core/5.2.104\r\n"
		"Authorization: Digest realm=\"example.org\", nonce=\"VnUv9mZ4Q1pYQm9yZGVy\", a"
		"lgorithm=MD5, username=\"alice\", uri=\"sip:example.org\", response=\"0f1e2d3c"
		"4b5a69788796a5b4c3d2e1f0\", cnonce=\"8xQ1w2e3r4\", nc=00000001, qop=auth\r\n"
		"Content-Length: 0\r\n"
		"\r\n",
	},
	{
		"carrier",
		"INVITE sip:+442079460123;npdi@ibcf1.ims.example.com:5060;user=phone SIP/2.0\r"
		"\n"
		"Via: SIP/2.0/UDP 192.0.2.65:5060;branch=z9hG4bK2c7a9b10e4f3d5;yop=00.00.B2E10A"
		"44.0000.2A01\r\n"
		"Via: SIP/2.0/UDP 192.0.2.33:5070;received=192.0.2.33;branch=z9hG4bKcscf-00fb-7"
		"a11;rport=5070\r\n"
		"Via: SIP/2.0/TCP [2001:db8:40::9:1]:5060;branch=z9hG4bK-524287-1-0a0b0c0d\r\n"
		"Record-Route: <sip:192.0.2.65:5060;lr;dia=1>, <sip:scscf.ims.example.com:5070;"
		"lr;orig>\r\n"
		"Max-Forwards: 64\r\n"
		"From: \"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=h7g4Esbg_p65551t1354"
		"698768m7\r\n"
		"To: <tel:+442079460123;phone-context=ims.example.com>\r\n"
		"Call-ID: p65551t1354698768m729561c32910s1_2147483-77@scscf.ims.example.com\r\n"
		"CSeq: 1 INVITE\r\n"
		"Contact: <sip:sgc_c@192.0.2.65;transport=udp>;+g.3gpp.icsi-ref=\"urn%3Aurn-7%3"
		"A3gpp-service.ims.icsi.mmtel\"\r\n"
		"Accept-Contact: *;+g.3gpp.icsi-ref=\"urn%3Aurn-7%3A3gpp-service.ims.icsi.mmtel"
		"\"\r\n"
		"P-Asserted-Identity: \"B. Quinn\" <sip:+441632960777@ims.example.com;user=phon"
		"e>\r\n"
		"P-Asserted-Identity: <tel:+441632960777>\r\n"
		"P-Charging-Vector: icid-value=\"QvZ-3Lr0pX5aB1c9\";icid-generated-at=192.0.2.3"
		"3;orig-ioi=ims.example.com\r\n"
		"P-Early-Media: supported\r\n"
		"Privacy: id; header\r\n"
		"Diversion: <sip:+441632960555@ims.example.com>;reason=no-answer;counter=1;priv"
		"acy=full\r\n"
		"History-Info: <sip:+441632960555@ims.example.com>;index=1, <sip:+442079460123@"
		"ims.example.com;cause=408>;index=1.1\r\n"
		"Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, PRACK, UPDATE, INFO, REFER, NOTIFY, "
		"MESSAGE, SUBSCRIBE\r\n"
		"Supported: 100rel, timer, precondition, histinfo, resource-priority\r\n"
		"Session-Expires: 1800\r\n"
		"Min-SE: 900\r\n"
		"Session-ID: 4f1d0a2c3b5e49768a9bacbdcedfe0f1;remote=00000000000000000000000000"
		"000000\r\n"
		"Accept: application/sdp, application/3gpp-ims+xml\r\n"
		"X-Correlation-Token: 9c2e-44d1-a0f7\r\n"
		"Date: Tue, 04 Mar 2025 10:14:22 GMT\r\n"
		"Content-Type: application/sdp\r\n"
		"Content-Length: 268\r\n"
		"\r\n"
		"v=0\r\n"
		"o=- 3922881745 3922881745 IN IP4 203.0.113.57\r\n"
		"s=-\r\n"
		"c=IN IP4 203.0.113.57\r\n"
		"t=0 0\r\n"
		"m=audio 16462 RTP/AVP 8 0 18 101\r\n"
		"a=rtpmap:8 PCMA/8000\r\n"
		"a=rtpmap:0 PCMU/8000\r\n"
		"a=rtpmap:18 G729/8000\r\n"
		"a=fmtp:18 annexb=no\r\n"
		"a=rtpmap:101 telephone-event/8000\r\n"
		"a=ptime:20\r\n"
		"a=sendrecv\r\n",
	},
};

const unsigned bench_nmessages = sizeof(bench_messages) / sizeof(bench_messages[0]);
